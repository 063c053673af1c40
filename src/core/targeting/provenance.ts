/** What something comes from. */
export const FROM_KINDS = [
  "label",
  "group",
  "environment",
  "region",
  "provider",
  "size",
  "port",
  "identity",
  "enrollment",
  "class",
  "server",
] as const;
export type FromKind = (typeof FROM_KINDS)[number];

export interface From {
  readonly kind: FromKind;
  readonly name: string;
  /** Of a class: the label that brings it, where that matters. */
  readonly label?: string;
}
