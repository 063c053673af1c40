import { LabError } from "../../core/errors.ts";
import { parseInput } from "../../operations/input.ts";
import { matchRoute } from "../../operations/registry.ts";
import { type Connection, queryPairs, type RequestParts, type ServerEvent } from "./connection.ts";
import { openHome } from "../node-door.ts";

/**
 * Answers reads from a home whose agent does not run, and warns when its store is damaged. Throws what opening the home
 * throws, `NoHome` among it.
 */
export async function connectHome(home: string, warn: (text: string) => void): Promise<Connection> {
  const reader = await openHome(home);
  if (reader.damage !== null) warn(reader.damage);
  return {
    via: "home",
    address: home,
    async call(method: "GET" | "POST", path: string, { query, body }: RequestParts = {}): Promise<unknown> {
      const route = matchRoute(method, path);
      if (!route) throw new Error(`no operation answers ${method} ${path}`);
      const { operation, params } = route;
      if (operation.kind === "write") throw noAgent(home);
      return reader.call(operation, parseInput(operation, { params, query: queryPairs(query), body }));
    },
    stream(): AsyncIterable<ServerEvent> {
      throw noAgent(home);
    },
    close: () => reader.close(),
  };
}

function noAgent(home: string): LabError {
  return new LabError("NoAgent", `no agent runs on ${home}`, { hint: "lab agent --detach" });
}
