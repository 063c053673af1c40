import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createSecureContext, TLSSocket } from "node:tls";

/** What a mail server was told in one conversation. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, with dots undone and lines ended by `\n`. */
  readonly text: string;
  readonly security: "clear" | "tls";
  /** What the client logged in with, as `user:password`. */
  readonly login: string | null;
}

export interface ReceiverManner {
  /** What it offers after EHLO. */
  readonly offers?: readonly string[];
  /** Answers to commands, by their first word, instead of its own. */
  readonly answers?: Readonly<Record<string, string>>;
}

/** Certificate of {@link SmtpReceiver} for localhost, for whoever is to trust it. */
export const CERTIFICATE = join(import.meta.dirname, "cert.pem");

const CONTEXT = createSecureContext({
  cert: readFileSync(CERTIFICATE),
  key: readFileSync(join(import.meta.dirname, "known-to-everybody.key.pem")),
});

/** A mail server of a few lines (RFC 5321) on loopback that keeps what it is given. */
export class SmtpReceiver {
  readonly mails: ReceivedMail[] = [];
  /** Every line that clients said in the clear. */
  readonly clear: string[] = [];
  readonly #server: Server;
  readonly #manner: ReceiverManner;
  readonly #sockets = new Set<Socket>();

  private constructor(manner: ReceiverManner) {
    this.#manner = manner;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async open(manner: ReceiverManner = {}): Promise<SmtpReceiver> {
    const receiver = new SmtpReceiver(manner);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return address.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(first: Socket): void {
    this.#sockets.add(first);
    first.on("close", () => this.#sockets.delete(first)).on("error", () => {});
    const mail = { from: "", to: [] as string[], login: null as string | null };
    let socket: Socket = first;
    let security: "clear" | "tls" = "clear";
    let data: string[] | null = null;
    let unread = "";
    const say = (line: string) => socket.write(`${line}\r\n`);
    const upgrade = () => {
      first.removeAllListeners("data");
      socket = new TLSSocket(first, { isServer: true, secureContext: CONTEXT });
      security = "tls";
      unread = "";
      socket.on("data", hear).on("error", () => {});
    };
    const obey = (line: string): void => {
      if (security === "clear") this.clear.push(line);
      if (data !== null) {
        if (line !== ".") {
          data.push(line.startsWith("..") ? line.slice(1) : line);
          return;
        }
        this.mails.push({ ...mail, to: [...mail.to], text: data.join("\n"), security });
        data = null;
        say("250 taken");
        return;
      }
      const [word = ""] = line.toUpperCase().split(/[ :]/, 1);
      const other = this.#manner.answers?.[word];
      if (other !== undefined) return void say(other);
      switch (word) {
        case "EHLO": {
          const offers = (this.#manner.offers ?? ["STARTTLS", "AUTH PLAIN"]).filter(
            (offer) => security === "clear" || offer !== "STARTTLS",
          );
          ["receiver", ...offers].forEach((offer, i) => say(`250${i === offers.length ? " " : "-"}${offer}`));
          return;
        }
        case "STARTTLS":
          say("220 go on");
          upgrade();
          return;
        case "AUTH": {
          const [, user, password] = Buffer.from(line.split(" ")[2] ?? "", "base64")
            .toString()
            .split("\0");
          mail.login = `${user}:${password}`;
          return void say("235 welcome");
        }
        case "MAIL":
          mail.from = line.slice(11, -1);
          return void say("250 yes");
        case "RCPT":
          mail.to.push(line.slice(9, -1));
          return void say("250 yes");
        case "DATA":
          data = [];
          return void say("354 say it");
        default:
          say(word === "QUIT" ? "221 bye" : "500 what?");
      }
    };
    const hear = (bytes: Buffer): void => {
      unread += bytes.toString("utf8");
      for (let end = unread.indexOf("\r\n"); end >= 0; end = unread.indexOf("\r\n")) {
        const line = unread.slice(0, end);
        unread = unread.slice(end + 2);
        obey(line);
      }
    };
    first.on("data", hear);
    say("220 receiver");
  }
}
