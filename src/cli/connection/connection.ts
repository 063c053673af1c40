/** A way to ask: the agent behind a socket, or a home that is only read. */
export interface Connection {
  readonly via: "agent" | "home";
  /** The socket or the home, for messages. */
  readonly address: string;
  /**
   * One request; the answer is the decoded JSON, or the bytes of an `application/octet-stream`.
   * Throws the answering side's `LabError`, `Timeout`, or `PeerFailed` when the answer makes no sense.
   */
  call(method: "GET" | "POST", path: string, parts?: RequestParts): Promise<unknown>;
  /** Server-sent events until the caller stops reading. Ends when the agent goes away. */
  stream(path: string): AsyncIterable<ServerEvent>;
  close(): Promise<void>;
}

export interface RequestParts {
  /** Lists become repeated parameters; `undefined` is left out. */
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface ServerEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

export function queryPairs(query: RequestParts["query"]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.push([name, String(one)]);
  }
  return pairs;
}
