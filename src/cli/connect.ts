import { existsSync } from "node:fs";
import { LabError } from "../core/errors.ts";
import { connectAgent } from "./agent-connection.ts";
import type { Needs } from "./command.ts";
import type { Connection } from "./connection.ts";
import { type Place, socketOf } from "./place.ts";

export interface ConnectOptions {
  readonly needs: Needs;
  readonly peer: string | undefined;
  readonly timeoutMs: number;
  /** Called with the home when it answers in place of an agent. */
  onLocal(home: string): void;
}

/** The agent that the place means, or, where that is enough, its home. Throws `NoAgent` or `NoHome`. */
export async function connectPlace(place: Place, options: ConnectOptions): Promise<Connection> {
  const { home } = place;
  const path = place.socket ?? (home === undefined ? undefined : socketOf(home, "agent"));
  const agent = path === undefined ? undefined : await connectAgent(path, options);
  if (agent) return agent;
  if (home === undefined) throw new LabError("NoAgent", `no agent answers on ${path}`, { hint: "lab agent --detach" });
  if (!existsSync(home)) {
    throw new LabError("NoHome", `there is no home at ${home}`, { hint: "lab init --local" });
  }
  if (options.needs === "agent" || options.peer !== undefined) {
    throw new LabError("NoAgent", `no agent runs on ${home}`, { hint: "lab agent --detach" });
  }
  const { connectHome } = await import("./home-connection.ts");
  const connection = await connectHome(home);
  options.onLocal(home);
  return connection;
}
