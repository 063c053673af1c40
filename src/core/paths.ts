/** Where desired state stands in the ledgers. One place, so that writers and readers cannot disagree. */

export function serverLabelPath(node: string, label: string): string {
  return `server/${node}/label/${label}`;
}

export function serverAttributePath(node: string, attribute: string): string {
  return `server/${node}/attribute/${attribute}`;
}

/** A server that is declared and not enrolled yet; enrolled ones are keyed by their node. */
export function pendingServerPath(name: string): string {
  return `pending/${name}`;
}

export function labelPath(label: string): string {
  return `label/${label}`;
}

/** The declaration of a secret: its type and class. */
export function secretPath(path: string): string {
  return `secret/${path}`;
}

/** The current version of a secret: commitment and writer, never a value. */
export function secretVersionPath(path: string): string {
  return `version/${path}`;
}
