import type { CommandWords } from "../command.ts";
import { LIST, list, S3_CREDENTIALS, SSH_AGENT } from "./shared.ts";

/** How a mesh begins and how machines join it. */
export const setupCommands: readonly CommandWords[] = [
  {
    words: ["init"],
    module: "init",
    summary: "Start a mesh of your own on this device",
    details:
      "Makes the genesis entry, the first operator's key and this device's home. Starts nothing; prints what is next. " +
      "At a terminal it shows the recovery code and has it typed back (--yes: only shows it); where nobody can be asked " +
      "the code is kept beside the key, for lab operator recovery set. " +
      "Several founders are equals: any K of them, more than half, are the root of the mesh together, and no code is. " +
      "One writes the draft with --founder, --root and --out; the others sign it (lab sign); --from founds the mesh.",
    args: [],
    flags: [
      { name: "local", summary: "On this device (the only way there is)" },
      { name: "name", value: "MESH", summary: "Name of the mesh (default: homelab)" },
      { name: "node", value: "NODE", summary: "Name of this device (default: its host name)" },
      { name: "recovery", value: "later|FILE", summary: "Show the recovery code later, or write it to FILE" },
      { name: "no-recovery", summary: "Make none: the operator's key is the root of the mesh" },
      { name: "psk", summary: "Begin every connection with a key that tokens carry: strangers get no handshake" },
      SSH_AGENT,
      {
        name: "founder",
        value: "NAME=LINE|FILE",
        repeat: true,
        complete: "file",
        summary: "One more founder, by a public key (lab operator request --founding): writes a draft to --out FILE",
      },
      { name: "root", value: "K", summary: "With --founder: so many founders together are root" },
      { name: "from", value: "FILE", complete: "file", summary: "Found what all founders have signed" },
      {
        name: "signature",
        value: "FILE",
        repeat: true,
        complete: "file",
        summary: "With --from: a founder's signature (default: FILE.sig and FILE.NAME.sig beside it)",
      },
    ],
    examples: [
      "lab init --local",
      "lab init --local --name attic --node nas-1",
      "lab init --local --ssh-agent alice@laptop",
      "lab init --local --founder bob=bob.pub --root 2 --out draft",
      "lab init --local --from draft",
    ],
  },
  {
    words: ["agent"],
    module: "agent",
    summary: "Run the agent of a home",
    args: [],
    flags: [
      { name: "detach", summary: "Return when it answers, and leave it running" },
      {
        name: "listen",
        value: "ADDRESS",
        repeat: true,
        summary: "Address for the mesh (default: every interface, port 7444)",
      },
      {
        name: "announce",
        value: "ADDRESS",
        repeat: true,
        summary: "Address at which others reach this device besides, as through a router",
      },
      { name: "no-mdns", summary: "Do not look for peers on the local network" },
      {
        name: "secrets-dir",
        value: "DIR",
        complete: "file",
        summary: "Put secrets there as files (the machine's own home: /run/secrets), or none",
      },
      { name: "secrets-on-disk", summary: "Put them there even if it lies on a disk" },
      {
        name: "secret-copies",
        value: "age:DIR",
        summary: "A secret store keeps each value there, too, as an age file for whom may read it",
      },
      { name: "backup", value: "PLACE", summary: "Make backups there by itself (lab help backup create)" },
      { name: "backup-every", value: "DURATION", summary: "How often, by whichever machine is first (default: 1d)" },
      { name: "backup-keep", value: "COUNT", summary: "Let go of all but the newest so many there" },
      S3_CREDENTIALS,
    ],
    examples: [
      "lab agent",
      "lab agent --detach --announce lab.example.com:7444",
      "lab agent --detach --backup git:git@example.com:mesh.git --backup-keep 30",
    ],
  },
  {
    words: ["agent", "ready"],
    module: "agent-ready",
    summary: "Wait until the agent answers and this machine's secrets are in place",
    details: "What no store gives within a quarter of a minute is not waited for, and named.",
    args: [],
    flags: [],
    examples: ["lab agent ready --timeout 60s"],
  },
  {
    words: ["agent", "install"],
    module: "agent-install",
    summary: "Write the units that make the agent a service of systemd",
    args: [],
    flags: [
      { name: "units", value: "DIR", complete: "file", summary: "Where units are (default: /etc/systemd/system)" },
      { name: "secrets-dir", value: "DIR", complete: "file", summary: "Where secrets are put (default: /run/secrets)" },
    ],
    examples: ["lab agent install"],
  },
  {
    words: ["agent", "stop"],
    module: "agent",
    summary: "Stop the agent of a home",
    args: [],
    flags: [],
    examples: ["lab agent stop"],
  },
  {
    words: ["agent", "logs"],
    module: "agent",
    summary: "Print the log of a detached agent",
    args: [],
    flags: [{ name: "lines", short: "n", value: "COUNT", summary: "Only the last so many lines" }],
    examples: ["lab agent logs", "lab agent logs -n 20"],
  },
  {
    words: ["token", "create"],
    module: "token",
    summary: "Make a token that lets one machine join",
    args: [],
    flags: [
      { name: "name", value: "NODE", summary: "The machine's name; without it the machine chooses" },
      { name: "labels", value: "LABEL,LABEL", summary: "Labels that it gets when it joins" },
      { name: "environment", value: "NAME", summary: "Its environment" },
      { name: "region", value: "NAME", summary: "Its region" },
      { name: "provider", value: "NAME", summary: "Its provider" },
      { name: "ttl", value: "DURATION", summary: "How long the token can be used (default: 60m)" },
    ],
    examples: ["lab token create --name web-1 --labels web,prod", "lab token create --ttl 10m -o json"],
  },
  {
    words: ["token", "revoke"],
    module: "token-revoke",
    summary: "Take a token back that nobody has used",
    details:
      "Its issuer lets nobody in with it as soon as it hears of this. A machine that has joined: lab identity revoke.",
    args: [{ name: "ID" }],
    flags: [{ name: "reason", value: "TEXT", summary: "Why; it is signed and shown" }],
    examples: ["lab token revoke 9f2c41d07ab35e18"],
  },
  {
    words: ["join"],
    module: "join",
    summary: "Make this device a member by a token",
    args: [{ name: "TOKEN" }],
    flags: [{ name: "name", value: "NODE", summary: "Name of this device, where the token leaves it open" }],
    examples: ["lab join lab1.…"],
  },
  list("tokens", "get-tokens", "Join tokens that were made", LIST, undefined, ["lab get tokens"]),
];
