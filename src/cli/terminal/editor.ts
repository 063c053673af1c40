import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";

/** A text in a file of its own that an editor is opened on, as often as it takes. Removed at the end. */
export class EditedText {
  readonly #directory = mkdtempSync(join(tmpdir(), "lab-edit-"));
  readonly #path: string;
  readonly #editor: string;

  /** Throws `Usage` if nobody can edit here. */
  constructor({ io, globals }: CommandContext, name: string) {
    const named = io.env["VISUAL"] || io.env["EDITOR"];
    const isTerminal = io.stdin.isTTY && io.stdout.isTTY === true;
    if (!named && (!isTerminal || globals.noInput)) {
      this.close();
      const hint = "EDITOR=… in front of the command, or lab get … -o yaml and lab apply -f -";
      throw new LabError("Usage", "there is no editor without a terminal", { hint });
    }
    this.#editor = named || "vi";
    this.#path = join(this.#directory, name);
  }

  /** What the person made of it. Throws `Failed` when the editor fails. */
  edit(text: string): string {
    writeFileSync(this.#path, text, { mode: 0o600 });
    // An editor may be named with its flags, as in "code --wait".
    const { status, error } = spawnSync("/bin/sh", ["-c", `${this.#editor} "$1"`, "sh", this.#path], {
      stdio: "inherit",
    });
    if (status !== 0) {
      const how = error?.message ?? `it ended with ${status}`;
      throw new LabError("Failed", `the editor "${this.#editor}" failed: ${how}`, { hint: "nothing was changed" });
    }
    return readFileSync(this.#path, "utf8");
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
