import { existsSync } from "node:fs";
import { LabError } from "../../core/errors.ts";
import { type AgentOptions, connectAgent, connectAgentOf } from "./agent-connection.ts";
import type { Needs } from "../command.ts";
import type { Connection } from "./connection.ts";
import type { Place } from "./place.ts";

export interface ConnectOptions {
  readonly needs: Needs;
  readonly peer: string | undefined;
  readonly timeoutMs: number;
  /** Called with the home when it answers in place of an agent. */
  onLocal(home: string): void;
  /** What must not be overlooked in its answers. */
  warn(text: string): void;
}

/** The agent that the place means, or, where that is enough, its home. Throws `NoAgent` or `NoHome`. */
export async function connectPlace(place: Place, options: ConnectOptions): Promise<Connection> {
  const { home } = place;
  const agent = await connectRunningAgent(place, options);
  if (agent) return agent;
  if (home === undefined) {
    throw new LabError("NoAgent", `no agent answers on ${place.socket}`, { hint: "lab agent --detach" });
  }
  if (!existsSync(home)) {
    throw new LabError("NoHome", `there is no home at ${home}`, { hint: "lab init --local, or lab join TOKEN" });
  }
  if (options.needs === "agent" || options.peer !== undefined) {
    throw new LabError("NoAgent", `no agent runs on ${home}`, { hint: "lab agent --detach" });
  }
  const { connectHome } = await import("./home-connection.ts");
  const connection = await connectHome(home, (text) => options.warn(text));
  options.onLocal(home);
  return connection;
}

/** The agent that the place means, if it runs. */
export async function connectRunningAgent(
  { socket, home }: Place,
  options: AgentOptions,
): Promise<Connection | undefined> {
  if (socket !== undefined) return connectAgent(socket, options);
  return home === undefined ? undefined : connectAgentOf(home, "agent", options);
}
