import type { CommandWords } from "../command.ts";

/** What one machine writes and another one signs. */
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
];
