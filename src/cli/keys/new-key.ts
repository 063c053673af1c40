import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import { Secret } from "../../core/secret.ts";
import type { Custody } from "../../operator/files/key-file.ts";
import type { KeptCode } from "../../operator/files/recovery-file.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import type { CommandContext } from "../command.ts";
import { chooseNewPassphrase } from "./passphrase.ts";

/** Protects a recovery code in the way in which the key beside it is protected. */
export type SealCode = (code: string) => Promise<KeptCode>;

/** A key that no mesh knows yet. */
export interface NewKey {
  readonly custody: Custody;
  readonly signer: OperatorSigner;
  readonly seal: SealCode;
}

interface Tools {
  readonly keys: Keys;
  readonly random: Random;
}

/** A key for an operator: a new one in a file, or with `--ssh-agent` one that an agent holds. */
export async function makeKey(ctx: CommandContext, tools: Tools, name: string): Promise<NewKey> {
  const wish = ctx.flags.value("ssh-agent");
  return wish === undefined ? makeFileKey(ctx, tools, name) : takeAgentKey(ctx, tools.keys, wish);
}

async function makeFileKey(ctx: CommandContext, { keys, random }: Tools, name: string): Promise<NewKey> {
  const [{ seedSigner }, { sealWithPassphrase }] = await Promise.all([
    import("../../operator/signer.ts"),
    import("../../operator/passphrase.ts"),
  ]);
  const seed = new Secret(random.bytes(32));
  const signer = seedSigner(keys, seed);
  const passphrase = await chooseNewPassphrase(ctx, name);
  if (passphrase === null) {
    ctx.note(`no passphrase: whoever can read the key file is ${name}`);
    ctx.note("  lab operator passphrase sets one");
    return { custody: { kind: "plain", seed }, signer, seal: sealPlainly };
  }
  return {
    custody: { kind: "passphrase", sealed: await sealWithPassphrase(seed, passphrase) },
    signer,
    seal: async (code) => ({ kind: "passphrase", sealed: await sealWithPassphrase(wordsOf(code), passphrase) }),
  };
}

async function takeAgentKey(ctx: CommandContext, keys: Keys, wish: string): Promise<NewKey> {
  const [{ sshAgentOf }, { chooseSshKey }, { unlock }] = await Promise.all([
    import("../../operator/files/ssh-agent.ts"),
    import("../../operator/ssh/choose-key.ts"),
    import("../../operator/unlock.ts"),
  ]);
  const agent = sshAgentOf(ctx.io.env);
  const { key, application } = chooseSshKey(keys, await agent.keys(), wish);
  const custody = { kind: "ssh-agent", application } as const;
  const unlocking = { keys, passphrase: () => Promise.resolve(null), sshAgent: () => agent };
  const signer = await unlock({ name: wish, mesh: new Uint8Array(32), publicKey: key, custody }, unlocking);
  return { custody, signer, seal: sealPlainly };
}

const sealPlainly: SealCode = async (code) => ({ kind: "plain", words: wordsOf(code) });

function wordsOf(code: string): Secret {
  return new Secret(new TextEncoder().encode(code));
}
