/**
 * The name, among temporary files, of the directory for what an agent cannot have under its home's `run/`: where the
 * path is longer than a socket's may be, or where nothing can be written. Device and inode say which home is meant, by
 * whatever path it is reached; both the agent and whoever looks for it can see them.
 */
export function runDirectoryName(home: { readonly uid: number; readonly dev: number; readonly ino: number }): string {
  return `lab-${home.uid}-${home.dev.toString(16)}-${home.ino}`;
}
