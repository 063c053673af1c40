const SHOWN = 3;

/** `1 server (web-1)`, `5 servers (web-1, web-2, web-3, …)`; in order, whatever order they come in. */
export function inWords(names: readonly string[], noun: string): string {
  const shown = [...names].sort().slice(0, SHOWN).join(", ");
  const more = names.length > SHOWN ? ", …" : "";
  return `${names.length} ${noun}${names.length === 1 ? "" : "s"} (${shown}${more})`;
}
