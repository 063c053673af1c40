import { DiskFailedError } from "../../../core/ports/disk.ts";

/** The files of a store are not what was written to them. What is readable can be salvaged. */
export class StoreDamagedError extends DiskFailedError {
  readonly reason: string;
  /** Keys of records whose bytes are not those that were written. */
  readonly altered: ReadonlySet<string>;

  constructor(directory: string, reason: string, options?: ErrorOptions & { readonly altered?: readonly string[] }) {
    super(`the store in ${directory} is damaged (${reason})`, options);
    this.reason = reason;
    this.altered = new Set(options?.altered);
  }
}

/** A later release wrote what this one would take for damage: nothing is mended, and nothing written. */
export class StoreLaterError extends DiskFailedError {
  readonly reason: string;

  constructor(directory: string, format: number, known: number) {
    const reason = `a later release wrote it, in format ${format}, and this one knows ${known}`;
    super(`cannot open the store in ${directory} (${reason})`, { hint: "update lab on this machine" });
    this.reason = reason;
  }
}

/** The files may be whole, but this process may not open them: permissions, or a file system that is read-only. */
export class StoreBarredError extends DiskFailedError {
  readonly reason: string;

  constructor(directory: string, reason: string, options?: ErrorOptions) {
    const hint = "it must be readable and writable for the user that runs this";
    super(`cannot open the store in ${directory} (${reason})`, { ...options, hint });
    this.reason = reason;
  }
}
