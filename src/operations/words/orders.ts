import type { CommandWords } from "../command.ts";
import { LIST, NO_HEADERS } from "./shared.ts";

/** What one machine writes and another one signs; what was signed and does not count. */
export const ordersCommands: readonly CommandWords[] = [
  {
    words: ["sign"],
    module: "sign",
    summary: "Sign an order that another machine wrote; needs neither agent nor network",
    details:
      "Commands that change who may do what write an order with --out FILE instead of signing. This tells what the order " +
      "says, read from its bytes, and writes FILE.sig beside it. ssh-keygen -Y sign -n lab@authority -f KEY FILE makes the " +
      "same.",
    args: [{ name: "FILE", variadic: true, complete: "file" }],
    flags: [{ name: "code", value: "FILE", complete: "file", summary: "Sign with the recovery code in FILE" }],
    examples: ["lab sign order", "lab sign order.1 order.2"],
  },
  {
    words: ["submit"],
    module: "submit",
    summary: "Hand over orders that were signed elsewhere",
    details: "Any member takes them: the signature is what counts. Tells what they say, read from their bytes.",
    args: [{ name: "FILE", variadic: true, complete: "file" }],
    flags: [
      {
        name: "signature",
        value: "FILE",
        complete: "file",
        summary: "The signature of a single order (default: FILE.sig)",
      },
    ],
    examples: ["lab submit order", "lab submit order --signature /media/usb/order.sig"],
  },
  {
    words: ["audit", "verify"],
    module: "audit-verify",
    summary: "Check every signature and every link of what was signed, and that nothing of it is gone",
    details:
      "Asks every member for what it has and for where its logs end, and holds all against the heads that this device, the " +
      "agent and the members remember. What was edited, cut off or moved is named by author and number.",
    args: [],
    flags: [
      { name: "file", value: "FILE", complete: "file", summary: "Check an export instead, without any machine" },
      NO_HEADERS,
    ],
    examples: ["lab audit verify", "lab audit verify --file audit.jsonl"],
  },
  {
    words: ["audit", "export"],
    module: "audit-export",
    summary: "Everything that was signed, one entry a line",
    args: [],
    flags: [],
    examples: ["lab audit export --out audit.jsonl"],
  },
  {
    words: ["audit", "adopt"],
    module: "audit-adopt",
    summary: "List what is void and nobody has adopted; say it again in your name, or put it aside",
    details:
      "What a removed key signed and nobody had heard is void, and kept. A machine that such a token let in becomes a " +
      "member again with the same key; its role labels do not come back.",
    args: [{ name: "ENTRY", variadic: true, optional: true }],
    flags: [
      ...LIST,
      { name: "all", summary: "Everything that is listed" },
      { name: "dismiss", summary: "Put it aside instead: it stays void, and is listed no more" },
    ],
    examples: ["lab audit adopt", "lab audit adopt 3f2a91c07be4", "lab audit adopt --dismiss --all"],
  },
];
