/**
 * The files of one directory of this machine, by names like `web/tls.age`. Others may have files there, too. Throws
 * `DiskFull` and `DiskFailed`, also for a name that would lead out of the directory, and where a link stands in the way.
 */
export interface FileTree {
  /** Where it is, for people. */
  readonly path: string;
  /** The names of all files below a directory of it, ascending. */
  list(under: string): Promise<readonly string[]>;
  /** Null if there is none. */
  read(name: string): Promise<Uint8Array | null>;
  /** The file as a whole: a crash at any moment leaves the old or the new one. Durable when it resolves. */
  replace(name: string, content: Uint8Array): Promise<void>;
  /** Durable when it resolves, with the directories that are empty then. What is not there is not missed. */
  remove(name: string): Promise<void>;
}
