import type { Clock } from "../../../core/ports/clock.ts";
import type { Notifier } from "../../../core/ports/notifier.ts";
import { listPrograms, runCommand } from "./command.ts";
import { sendMail } from "./smtp.ts";
import { postWebhook } from "./webhook.ts";

/** The ways out of this machine; programs stand in the home. */
export function systemNotifier(home: string, clock: Pick<Clock, "now">): Notifier {
  return {
    programs: () => listPrograms(home),
    send: async (channel, notice, secret) => {
      switch (channel.kind) {
        case "webhook":
          return postWebhook(channel, notice, secret, clock.now());
        case "command":
          return runCommand(home, channel, notice);
        case "smtp":
          return sendMail(channel, notice, secret);
      }
    },
  };
}
