import { connect } from "node:net";
import { concat, equalBytes } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { LabError } from "../../core/errors.ts";
import type { SshKey } from "../../core/ssh/public-key.ts";
import { sshString } from "../../core/ssh/wire.ts";
import { LIST_KEYS, readKeyList, readSignature, signRequest } from "../ssh/agent-messages.ts";
import type { KeySignature } from "../signer.ts";

const LIST_TIMEOUT_MS = 5_000;
/** A person looks for the token and touches it. */
const SIGN_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 256 * 1024;
const LENGTH_BYTES = 4;

/** An SSH agent behind the socket that `SSH_AUTH_SOCK` names. */
export class SshAgent {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Its Ed25519 keys, those of FIDO2 tokens among them. Throws `NotAuthorised` where no agent answers. */
  async keys(): Promise<SshKey[]> {
    return this.#understood(readKeyList, await this.#ask(LIST_KEYS, LIST_TIMEOUT_MS));
  }

  /** Throws `NotAuthorised` if the agent has not got the key or does not sign. */
  async sign(key: Pick<SshKey, "key" | "application">, message: Uint8Array): Promise<KeySignature> {
    const signature = this.#understood(readSignature, await this.#ask(signRequest(key, message), SIGN_TIMEOUT_MS));
    if (signature !== null) return signature;
    const has = (await this.keys()).some((one) => equalBytes(one.key, key.key));
    throw new LabError("NotAuthorised", `the SSH agent ${has ? "did not sign" : "has not got the operator's key"}`, {
      hint: has ? "touch the token, or confirm in the agent's window" : "ssh-add FILE, then try again",
    });
  }

  #understood<T>(read: (answer: Uint8Array) => T, answer: Uint8Array): T {
    try {
      return read(answer);
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      throw new LabError("Failed", `the SSH agent's answer makes no sense: ${cause.message}`, {
        hint: `is another program behind ${this.#socket}?`,
      });
    }
  }

  #ask(message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socket);
      let heard: Uint8Array = new Uint8Array(0);
      const end = (error: LabError) => {
        socket.destroy();
        reject(error);
      };
      socket.setTimeout(timeoutMs, () => end(new LabError("Timeout", "the SSH agent does not answer")));
      socket.once("error", (cause) => {
        const hint = 'eval "$(ssh-agent)" && ssh-add FILE';
        end(new LabError("NotAuthorised", `no SSH agent answers on ${this.#socket}`, { hint }, { cause }));
      });
      socket.once("connect", () => socket.write(sshString(message)));
      socket.on("data", (chunk: Buffer) => {
        heard = concat(heard, chunk);
        if (heard.length < LENGTH_BYTES) return;
        const length = new DataView(heard.buffer).getUint32(0);
        if (length > MAX_ANSWER_BYTES) end(new LabError("Failed", "the SSH agent's answer is too long"));
        else if (heard.length >= LENGTH_BYTES + length) {
          socket.destroy();
          resolve(heard.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
        }
      });
      socket.once("end", () => end(new LabError("Failed", "the SSH agent went away before it answered")));
    });
  }
}

/** Throws `NotAuthorised` where no agent is named. */
export function sshAgentOf(env: Readonly<Record<string, string | undefined>>): SshAgent {
  const socket = env["SSH_AUTH_SOCK"];
  if (socket) return new SshAgent(socket);
  throw new LabError("NotAuthorised", "the operator's key is in an SSH agent, and none runs here", {
    notes: ["SSH_AUTH_SOCK is not set"],
    hint: 'eval "$(ssh-agent)" && ssh-add FILE',
  });
}
