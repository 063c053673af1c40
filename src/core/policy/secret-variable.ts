/** Name of a secret in the environment of a process: `mail/tls-cert` is `LAB_SECRET_MAIL_TLS_CERT`. */
export function secretVariable(path: string): string {
  return `LAB_SECRET_${path.replace(/[/-]/g, "_").toUpperCase()}`;
}

/** Sets of paths that would have one name, each sorted. */
export function collidingPaths(paths: Iterable<string>): readonly (readonly string[])[] {
  const byName = new Map<string, string[]>();
  for (const path of new Set(paths)) {
    const name = secretVariable(path);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  return [...byName.values()].filter(({ length }) => length > 1).map((same) => same.sort());
}
