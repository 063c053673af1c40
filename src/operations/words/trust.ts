import type { CommandWords, FlagWords } from "../command.ts";
import { LIST, list, SINCE, SSH_AGENT } from "./shared.ts";

/** Of commands whose word only a senior, or the root of the mesh, can give. */
const AS_ROOT: readonly FlagWords[] = [
  { name: "as-root", summary: "Sign as root of the mesh: with your key if it is root, else with the recovery code" },
  { name: "code", value: "FILE", complete: "file", summary: "Sign as root with the recovery code in FILE" },
];

/** Of commands that end what a key may do. */
const CUT: readonly FlagWords[] = [
  { name: "reason", value: "TEXT", summary: "Why; it is signed and shown" },
  {
    name: "from",
    value: "TIME|AGE|HASH",
    summary: "Void what the key signed from then on, or from that entry on, although it is known",
  },
  { name: "no-resign", summary: "Do not sign again the revocations that become void" },
  ...AS_ROOT,
];

/** Who may do what, and who did what. */
export const trustCommands: readonly CommandWords[] = [
  list("audit", "get-audit", "What was allowed and what was denied", [...LIST, SINCE], undefined, [
    "lab get audit --since 24h",
    "lab get audit --limit 20 -o json",
  ]),
  {
    ...list("operators", "get-operators", "Operators' keys with rank and rights", LIST, undefined, [
      "lab get operators",
    ]),
    aliases: [
      ["get", "operator"],
      ["operator", "list"],
    ],
  },
  {
    words: ["operator", "request"],
    module: "operator-request",
    summary: "Make an operator's key for this device, and print what another operator has to grant",
    details:
      "Prints one line, the public key as OpenSSH writes it: nothing of it is secret. Again prints the same line. " +
      "LAB_OPERATOR=FILENAME in front keeps two keys of one person on one device apart.",
    args: [{ name: "NAME", optional: true }],
    flags: [
      SSH_AGENT,
      {
        name: "elsewhere",
        value: "LINE|FILE",
        complete: "file",
        summary: "The public key of one that lies on another machine and signs there (lab sign)",
      },
      { name: "founding", summary: "For a mesh that is still to be founded, with others (lab init --founder)" },
    ],
    examples: ["lab operator request", "lab operator request bob", "lab operator request alice --ssh-agent yubikey"],
  },
  {
    words: ["operator", "add"],
    module: "operator-add",
    summary: "Let one more key operate: a person's first, or of his next device",
    details:
      "A smaller rank is more power: a key removes keys of larger rank only. Root is 0, founders are 1; without --rank " +
      "the new key stands one below yours.",
    args: [{ name: "NAME" }],
    flags: [
      { name: "key", value: "LINE|FILE", complete: "file", summary: "Public key, as lab operator request printed it" },
      SSH_AGENT,
      { name: "device", value: "NAME", summary: "Where the key lies (default: what stands behind @ in its comment)" },
      { name: "rank", value: "NUMBER", summary: "Its rank (default: yours and one)" },
      { name: "rights", value: "LIST", summary: "Some of admin,ops,destroy (default: all)" },
      { name: "need", value: "RIGHT=K", summary: "How many keys must stand behind an act: admin=2,destroy=2" },
    ],
    examples: [
      "lab operator add bob --key 'ssh-ed25519 AAAA… bob@desk'",
      "lab operator add alice --key desktop.pub --rank 1",
      "lab operator add carol --key carol.pub --rights ops",
    ],
  },
  {
    words: ["operator", "recipient"],
    module: "operator-recipient",
    summary: "Have values that stores cannot open sealed to your key as well, where you may read them",
    details:
      "Signs the age recipient of your key. Values of class sealed that are set from now on are sealed to it, if lab " +
      "secret allow lets you read them. A key in an SSH agent or a token signs and opens nothing: have a second one.",
    args: [],
    flags: [],
    examples: ["lab operator recipient"],
  },
  {
    words: ["operator", "remove"],
    module: "operator-remove",
    summary: "End what an operator's keys may do",
    details:
      "Asks every reachable member first and keeps all that the keys have signed until now; --from cuts deeper. Tells " +
      "what becomes void, and signs revocations among it again in the same step. Only a smaller rank removes a key; the " +
      "root of the mesh removes every operator.",
    args: [{ name: "NAME" }],
    flags: [
      {
        name: "key",
        value: "DEVICE|HASH",
        summary: "One key of several: its device, or the beginning of its log or key",
      },
      ...CUT,
    ],
    examples: [
      "lab operator remove bob",
      "lab operator remove alice --key laptop --reason stolen --from 2h",
      "lab operator remove carol --as-root",
    ],
  },
  {
    words: ["operator", "recover"],
    module: "operator-recover",
    summary: "A new key for an operator whose key is lost or stolen, with the recovery code, at any member",
    details:
      "Makes a key on this device, lets it in with the rank and rights of the old one, and cuts that. Everything that is " +
      "known of the old key is kept; --from cuts what a thief signed. An older key file of that name is set aside.",
    args: [{ name: "NAME", optional: true }],
    flags: [
      { name: "code", value: "FILE", complete: "file", summary: "Read the recovery code from a file" },
      {
        name: "key",
        value: "DEVICE|HASH",
        summary: "One key of several: its device, or the beginning of its log or key",
      },
      ...CUT.filter(({ name }) => !["as-root", "code"].includes(name)),
      SSH_AGENT,
    ],
    examples: ["lab operator recover", "lab operator recover alice --code /media/usb/recovery.txt --from 6h"],
  },
  {
    words: ["operator", "threshold"],
    module: "operator-threshold",
    summary: "How many keys must stand behind an act of a right",
    details:
      "What a key may do is fixed when it is let in: this cuts the keys, with all that they have signed kept, and lets " +
      "them in anew. So only a senior can, and for founders the root of the mesh.",
    args: [{ name: "RIGHT", choices: ["admin", "destroy"] }, { name: "K" }],
    flags: [
      { name: "for", value: "NAME", summary: "Only the keys of this operator (default: all that have the right)" },
      ...AS_ROOT,
    ],
    examples: ["lab operator threshold admin 2 --as-root", "lab operator threshold admin 2 --for bob"],
  },
  {
    words: ["approve"],
    module: "approve",
    summary: "Sign what another operator wants, where one signature is not enough",
    args: [{ name: "ENTRY" }],
    flags: [...AS_ROOT],
    examples: ["lab approve 3f2a91c07be4"],
  },
  {
    ...list("approvals", "get-approvals", "What waits for how many more signatures", LIST, undefined, [
      "lab get approvals",
    ]),
    args: [{ name: "ENTRY", variadic: true, optional: true }],
  },
  {
    words: ["checkpoint"],
    module: "checkpoint",
    summary: "Pin the ledger of your key where it ends, with the digest of what it has come to",
    details:
      "Signing does this by itself when enough of the ledger holds nothing any more. A ledger that stopped because somebody " +
      "signed two histories of it goes on from a checkpoint: on the branch that this device has.",
    args: [],
    flags: [{ name: "dry-run", summary: "Show what would be pinned, and sign nothing" }],
    examples: ["lab checkpoint", "lab checkpoint --dry-run"],
  },
  {
    words: ["identity", "revoke"],
    module: "identity-revoke",
    summary: "End a machine's membership: every peer refuses it, and what it held ends at once",
    args: [{ name: "NAME", complete: "server" }],
    flags: CUT,
    examples: ["lab identity revoke web-1", "lab identity revoke web-1 --reason 'stolen' --from 24h"],
  },
  {
    words: ["identity", "renew"],
    module: "identity-renew",
    summary: "End a machine's membership, and make a token with which it comes back under a new key",
    details:
      "For a machine that is set up anew, or whose key somebody may have seen. The token brings its labels; role labels, " +
      "and secrets with them, come back only when somebody gives them again.",
    args: [{ name: "NAME", complete: "server" }],
    flags: [{ name: "ttl", value: "DURATION", summary: "How long the token can be used (default: 60m)" }, ...CUT],
    examples: ["lab identity renew web-1"],
  },
  {
    words: ["identity", "seal"],
    module: "identity-seal",
    summary: "Seal the keys of this home to this machine: its disk in another one is useless",
    details:
      "tpm2 seals with the TPM (tpm2-tools), systemd-creds with the TPM or else with the key of this host, file undoes it. " +
      "A machine whose TPM is cleared, or whose board is replaced, has to be enrolled anew.",
    args: [],
    flags: [
      {
        name: "with",
        value: "HOW",
        choices: ["tpm2", "systemd-creds", "file"],
        summary: "How (default: tpm2, where there is one)",
      },
      {
        name: "tpm2-device",
        value: "DEVICE",
        summary: "Which TPM, as the tools name it (default: device:/dev/tpmrm0)",
      },
    ],
    examples: ["lab identity seal", "lab identity seal --with systemd-creds"],
  },
  {
    words: ["retire", "server"],
    module: "retire-server",
    summary: "End a machine's membership for good, with what was declared of it",
    details: "Refuses to take away the last coordinator or secret store: give another machine the label first.",
    args: [{ name: "NAME", complete: "server" }],
    flags: CUT,
    examples: ["lab retire server web-1"],
  },
  {
    words: ["leave"],
    module: "leave",
    summary: "Take this machine out of its mesh: its keys, its store and its secrets are deleted",
    details:
      "Where an operator's key is on this device the machine is retired first. Else it stays a member in everybody's list " +
      "until an operator retires it: --force leaves nevertheless.",
    args: [],
    flags: [{ name: "force", summary: "Also where nobody has retired this machine" }],
    examples: ["lab leave", "lab leave --force --yes"],
  },
  {
    words: ["operator", "passphrase"],
    module: "operator-passphrase",
    summary: "Change, set or take away the passphrase of the key on this device",
    args: [],
    flags: [
      { name: "new-passphrase-file", value: "FILE", complete: "file", summary: "Read the new one from a file" },
      { name: "none", summary: "Take it away: whoever can read the file is the operator" },
    ],
    examples: ["lab operator passphrase", "lab operator passphrase --new-passphrase-file FILE"],
  },
  {
    words: ["operator", "recovery", "set"],
    module: "operator-recovery-set",
    summary: "Show the recovery code that was kept for later, or write it to a file",
    details:
      "The root of a mesh is fixed when it is made. Where that is the operator's key, or the paper is lost, this makes a " +
      "code that can replace a lost key, and neither remove a stolen one nor open secrets.",
    args: [{ name: "FILE", optional: true, complete: "file" }],
    flags: [{ name: "another", summary: "Make another one, because the first is lost" }],
    examples: ["lab operator recovery set", "lab operator recovery set /media/usb/recovery.txt"],
  },
];
