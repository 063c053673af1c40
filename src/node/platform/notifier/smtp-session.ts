import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** More than this of one reply, or of one line, is no mail server. */
const MOST_REPLY_BYTES = 16 * 1024;

interface Reply {
  readonly code: number;
  /** Without code and separator, one for each line. */
  readonly lines: readonly string[];
}

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** - `starttls`: where the server offers it · `implicit`: from the first byte · `none`: never */
  readonly tls: "starttls" | "implicit" | "none";
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/**
 * One conversation with a mail server (RFC 5321, with RFC 3207 and RFC 4954): what a mail of a few lines needs, in
 * lockstep. It never logs in without TLS, and TLS is with a server that proves its name.
 */
export class SmtpSession {
  readonly #server: SmtpServer;
  #socket: Socket;
  #unread = "";
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null;
  #broken: Error | null = null;
  #security: "clear" | "tls";

  private constructor(server: SmtpServer, socket: Socket, security: "clear" | "tls") {
    this.#server = server;
    this.#security = security;
    this.#socket = this.#listenTo(socket);
  }

  /** Throws what went wrong, in words for people. The caller bounds the time, and ends the session whatever happens. */
  static async open(server: SmtpServer, opened: (session: SmtpSession) => void): Promise<SmtpSession> {
    const { host, port, tls } = server;
    const socket = tls === "implicit" ? connectTls({ port, ...namedBy(host) }) : connectTcp({ host, port });
    const session = new SmtpSession(server, socket, tls === "implicit" ? "tls" : "clear");
    opened(session);
    await session.#expect(await session.#reply(), 220);
    const offers = await session.#hello();
    if (tls === "starttls" && offers.has("STARTTLS")) {
      await session.#upgrade();
      await session.#hello();
    }
    return session;
  }

  async logIn({ username, password }: Login): Promise<void> {
    if (this.#security === "clear")
      throw new Error(`${this.#server.host} offers no TLS, and nobody logs in without it`);
    const plain = Buffer.from(`\0${username}\0${password}`, "utf8").toString("base64");
    await this.#command(`AUTH PLAIN ${plain}`, 235, "AUTH");
  }

  /** Hands over one mail. `text` has headers and body, with lines ended by `\n`. */
  async send(from: string, to: readonly string[], text: string): Promise<void> {
    await this.#command(`MAIL FROM:<${from}>`, 250);
    for (const address of to) await this.#command(`RCPT TO:<${address}>`, 250);
    await this.#command("DATA", 354);
    // RFC 5321 §4.5.2: a dot at the beginning of a line is doubled, so that none can end the mail early.
    const lines = text.split("\n").map((line) => (line.startsWith(".") ? `.${line}` : line));
    await this.#expect(await this.#ask(`${lines.join("\r\n")}\r\n.`), 250);
    // What it says to a farewell changes nothing.
    this.#socket.end("QUIT\r\n");
  }

  end(): void {
    this.#socket.destroy();
  }

  async #hello(): Promise<ReadonlySet<string>> {
    const { lines } = await this.#command(`EHLO ${this.#ownName()}`, 250);
    return new Set(lines.slice(1).map((line) => line.split(" ", 1)[0]?.toUpperCase() ?? ""));
  }

  /** RFC 5321 §4.1.3: who has no name that others know says its address. */
  #ownName(): string {
    const { localAddress = "127.0.0.1" } = this.#socket;
    return isIP(localAddress) === 6 ? `[IPv6:${localAddress}]` : `[${localAddress}]`;
  }

  async #upgrade(): Promise<void> {
    await this.#command("STARTTLS", 220);
    // Whatever came in the clear after its answer would be taken for an answer under TLS (CVE-2011-0411).
    if (this.#unread !== "") throw new Error(`${this.#server.host} says more before TLS than it was asked`);
    const clear = this.#socket.removeAllListeners("data").removeAllListeners("close");
    const socket = connectTls({ socket: clear, ...namedBy(this.#server.host) });
    this.#socket = this.#listenTo(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", () => resolve()).once("error", reject);
    });
    this.#security = "tls";
  }

  async #command(line: string, code: number, shown = line): Promise<Reply> {
    if (/[\r\n]/.test(line)) throw new Error("a command to a mail server is one line");
    return this.#expect(await this.#ask(line), code, shown);
  }

  async #expect(reply: Reply, code: number, shown?: string): Promise<Reply> {
    if (reply.code === code || (code === 250 && reply.code === 251)) return reply;
    const to = shown === undefined ? "" : ` to ${shown}`;
    throw new Error(`${this.#server.host} answered${to}: ${reply.code} ${reply.lines.join(" ")}`.slice(0, 300));
  }

  #ask(text: string): Promise<Reply> {
    const answered = this.#reply();
    this.#socket.write(`${text}\r\n`);
    return answered;
  }

  #reply(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== null) {
        reject(this.#broken);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#read("");
    });
  }

  #listenTo<T extends Socket>(socket: T): T {
    socket.on("data", (bytes: Buffer) => this.#read(bytes.toString("utf8")));
    socket.on("error", (error) => this.#break(error));
    socket.on("close", () => this.#break(new Error(`${this.#server.host} ended the connection`)));
    return socket;
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#waiting?.reject(this.#broken);
    this.#waiting = null;
  }

  /** A reply is whole with the first line whose code is followed by a space. */
  #read(text: string): void {
    this.#unread += text;
    if (this.#unread.length > MOST_REPLY_BYTES) {
      this.#break(new Error(`${this.#server.host} answers without end`));
      this.#socket.destroy();
      return;
    }
    const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*|\r)?\n/.exec(this.#unread)?.[0];
    if (whole === undefined || this.#waiting === null) return;
    this.#unread = this.#unread.slice(whole.length);
    const lines = whole.trimEnd().split(/\r?\n/);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting.resolve({ code: Number(lines.at(-1)?.slice(0, 3)), lines: lines.map((line) => line.slice(4)) });
  }
}

/** An address has no name to indicate; the certificate has to hold for it all the same. */
function namedBy(host: string): { readonly servername?: string; readonly host: string } {
  return isIP(host) === 0 ? { servername: host, host } : { host };
}
