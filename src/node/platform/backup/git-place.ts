import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { BackupPlaceError } from "../../../core/backup/errors.ts";
import { type BackupPlace, isPlaceFile, type PlaceFile, withoutPassword } from "../../../core/backup/place.ts";
import { Git, GitError } from "./git.ts";

const AUTHOR = {
  GIT_AUTHOR_NAME: "lab",
  GIT_AUTHOR_EMAIL: "lab@localhost",
  GIT_COMMITTER_NAME: "lab",
  GIT_COMMITTER_EMAIL: "lab@localhost",
};
/** What Git says when somebody else pushed in between. */
const AHEAD = /\[rejected\]|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value/;

/** Others may push so often while files are taken away, which the next backup tries again. */
const MAX_TRIES = 5;

interface Blob {
  readonly id: string;
  readonly size: number;
}

/**
 * Backups in a branch of a Git repository, a commit for each. Everything goes through a bare repository of its own in
 * a temporary directory: no work tree, so that no attribute or filter touches a byte.
 */
export class GitPlace implements BackupPlace {
  readonly name: string;
  readonly #repository: string;
  readonly #branch: string;
  #git: Promise<Git> | null = null;
  #directory: string | null = null;
  /** The commit that was last looked at; null where the branch does not exist. */
  #head: string | null = null;
  #files: ReadonlyMap<string, Blob> | null = null;

  constructor(repository: string, branch: string) {
    this.#repository = urlOf(repository);
    this.#branch = branch;
    this.name = `git:${withoutPassword(repository)}#${branch}`;
  }

  async list(): Promise<ReadonlyMap<string, number>> {
    const files = await this.#failing(() => this.#fetch());
    return new Map([...files].filter(([name]) => isPlaceFile(name)).map(([name, { size }]) => [name, size]));
  }

  async read(names: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return this.#failing(async () => {
      const files = this.#files ?? (await this.#fetch());
      const wanted = names.flatMap((name) => files.get(name)?.id ?? []);
      if (wanted.length === 0) return names.map(() => null);
      const git = await this.#open();
      const contents = blobsOf(await git.run(["cat-file", "--batch"], wanted.map((id) => `${id}\n`).join("")));
      return names.map((name) => contents.get(files.get(name)?.id ?? "") ?? null);
    });
  }

  async write(chunks: readonly PlaceFile[], manifest: PlaceFile): Promise<"written" | "taken"> {
    return this.#failing(async () => {
      const files = this.#files ?? (await this.#fetch());
      if (files.has(manifest.name)) return "taken";
      const git = await this.#open();
      const lines: string[] = [];
      for (const { name, content } of [...chunks, manifest]) {
        lines.push(`100644 ${await git.text(["hash-object", "-w", "--no-filters", "--stdin"], content)}\t${name}\n`);
      }
      return (await this.#commit(git, lines, `Backup: ${manifest.name}`)) === "pushed" ? "written" : "taken";
    });
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#failing(async () => {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const files = this.#files ?? (await this.#fetch());
        const lines = names.filter((name) => files.has(name)).map((name) => `0 ${"0".repeat(40)}\t${name}\n`);
        if (lines.length === 0) return;
        const letGo = `Let go of ${lines.length} files`;
        if ((await this.#commit(await this.#open(), lines, letGo)) === "pushed") return;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#directory !== null) await rm(this.#directory, { recursive: true, force: true });
    this.#directory = null;
    this.#git = null;
  }

  #open(): Promise<Git> {
    this.#git ??= (async () => {
      this.#directory = await mkdtemp(join(tmpdir(), "lab-git-"));
      const git = new Git(this.#directory);
      await git.run(["init", "--quiet", "--bare", "--template=", "."]);
      return git;
    })();
    return this.#git;
  }

  /** What the branch has now. Only its newest commit: older backups are files in it as well. */
  async #fetch(): Promise<ReadonlyMap<string, Blob>> {
    const git = await this.#open();
    const ref = `refs/heads/${this.#branch}`;
    const found = await git.text(["ls-remote", "--", this.#repository, ref]);
    if (found === "") {
      this.#head = null;
      this.#files = new Map();
      return this.#files;
    }
    await git.run(["fetch", "--quiet", "--no-tags", "--depth=1", "--", this.#repository, ref]);
    this.#head = await git.text(["rev-parse", "FETCH_HEAD"]);
    const tree = await git.run(["ls-tree", "-r", "-l", "-z", this.#head]);
    this.#files = filesOf(tree.toString("utf8"));
    return this.#files;
  }

  /** A commit with these changes of the index, pushed on what was last looked at; `ahead` if somebody was faster. */
  async #commit(git: Git, lines: readonly string[], message: string): Promise<"pushed" | "ahead"> {
    await git.run(this.#head === null ? ["read-tree", "--empty"] : ["read-tree", this.#head]);
    await git.run(["update-index", "--index-info"], lines.join(""));
    const tree = await git.text(["write-tree"]);
    const parents = this.#head === null ? [] : ["-p", this.#head];
    const commit = await git.text(["commit-tree", tree, ...parents], `${message}\n`, AUTHOR);
    const target = `${commit}:refs/heads/${this.#branch}`;
    try {
      await git.run(["push", "--quiet", "--no-verify", "--", this.#repository, target]);
    } catch (error) {
      this.#files = null;
      if (error instanceof GitError && AHEAD.test(error.said)) return "ahead";
      throw error;
    }
    this.#head = commit;
    this.#files = null;
    return "pushed";
  }

  async #failing<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      if (!(cause instanceof GitError)) throw cause;
      throw new BackupPlaceError(`${this.name}: ${cause.said}`, { hint: hintFor(cause.said) }, { cause });
    }
  }
}

function hintFor(said: string): string {
  if (/Authentication|could not read (Username|Password)|Permission denied|terminal prompts/i.test(said)) {
    return "nobody is asked here: give Git a key or a credential helper that works without a question";
  }
  if (/does not appear to be a git repository|not found|does not exist/i.test(said)) {
    return "an empty repository has to be there: git init --bare PATH";
  }
  if (/Host key verification failed/i.test(said)) {
    return "ssh to that host once from here, as this user, and compare the key that it shows";
  }
  if (/Connection (refused|timed out|closed)|Could not resolve|No route to host|unreachable/i.test(said)) {
    return "is the address right, and does the host answer from here?";
  }
  return "git ls-remote with this repository shows the same";
}

/** A path is written as a URL, so that Git fetches from it like from any other repository. */
function urlOf(repository: string): string {
  const isPath = isAbsolute(repository) || /^\.{1,2}(\/|$)/.test(repository);
  return isPath ? `file://${resolve(repository)}` : repository;
}

/** `100644 blob ID SIZE\tNAME`, ended by a zero byte. */
function filesOf(tree: string): Map<string, Blob> {
  const files = new Map<string, Blob>();
  for (const line of tree.split("\0")) {
    const [, id, size, name] = /^\d+ blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line) ?? [];
    if (id !== undefined && name !== undefined) files.set(name, { id, size: Number(size) });
  }
  return files;
}

/** The answer of `git cat-file --batch`: `ID blob SIZE\n`, the bytes, and a line end. */
function blobsOf(answer: Buffer): Map<string, Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf(0x0a, at);
    const [id = "", , size = "0"] = answer.toString("utf8", at, end).split(" ");
    const from = end + 1;
    blobs.set(id, new Uint8Array(answer.subarray(from, from + Number(size))));
    at = from + Number(size) + 1;
  }
  return blobs;
}
