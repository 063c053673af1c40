/** A mount that only the child sees; for users other than root in a namespace of their own. */
export const NAMESPACE = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
