import type { checkListOperation } from "../../operations/check.ts";
import { healthOperation } from "../../operations/agent.ts";
import type { Check } from "../../operations/kinds/check.ts";
import type { OutputOf } from "../../operations/operation.ts";
import { isLoopback, splitAddress } from "../../mesh/libp2p/addresses.ts";
import type { Agent } from "../agent.ts";
import type { DeliveryReport } from "../delivery/running-delivery.ts";
import { agentSource } from "../handlers/index.ts";
import { metaOf } from "../handlers/read-source.ts";
import { ledgerSizes, untrueCheckpoints } from "../ledger-sizes.ts";
import { heardFrom } from "../operation-calls.ts";
import { readHomeFacts } from "../platform/home-facts.ts";
import { knock } from "../platform/knock.ts";
import { RELEASE } from "../release.ts";
import { deliveryCheck } from "./delivery-check.ts";
import { coreDumpCheck, homeChecks } from "./home-checks.ts";
import {
  addressCheck,
  type Announced,
  clockCheck,
  type ClockReading,
  othersOf,
  ledgersCheck,
  peersCheck,
  storeCheck,
  versionsCheck,
} from "./mesh-checks.ts";

/** So many clocks outvote one that is wrong. */
const CLOCKS = 9;
const CLOCK_MS = 3_000;

/** What a running agent finds out about itself and its machine. */
export async function agentChecks(
  agent: Agent,
  home: string,
  delivery: DeliveryReport | null,
): Promise<OutputOf<typeof checkListOperation>> {
  const source = agentSource(agent);
  const [facts, clocks, announced] = await Promise.all([
    readHomeFacts(home),
    readClocks(agent, source),
    knockAtHome(source.ownAddresses()),
  ]);
  const hasPeers = othersOf(source).length > 0;
  const items: Check[] = [
    clockCheck(clocks, hasPeers),
    ...homeChecks(facts),
    coreDumpCheck(facts.coreDumpBytes),
    ...(delivery === null ? [] : [deliveryCheck(delivery)]),
    addressCheck(announced, hasPeers),
    peersCheck(source),
    storeCheck(source, agent.diskWarning, agent.complaints),
    ledgersCheck(ledgerSizes(source), untrueCheckpoints(source), source.nowMs()),
    versionsCheck(source, RELEASE),
  ];
  return { kind: "CheckList", meta: metaOf(source), items };
}

/** What others say that the time is; null for whoever does not answer. */
export async function readClocks(agent: Agent, source = agentSource(agent)): Promise<ClockReading[]> {
  const { clock } = agent.platform;
  const online = othersOf(source).filter(({ key }) => source.opinion(key).online === "yes");
  return Promise.all(
    online.slice(0, CLOCKS).map(async ({ key, name }): Promise<ClockReading> => {
      try {
        const sentMs = clock.now();
        const { now } = await heardFrom(agent, key, healthOperation, {}, CLOCK_MS);
        // The peer read its clock about halfway between question and answer.
        const hereMs = (sentMs + clock.now()) / 2;
        const thereMs = typeof now === "string" ? Date.parse(now) : Number.NaN;
        return { peer: name, aheadMs: Number.isNaN(thereMs) ? null : thereMs - hereMs };
      } catch {
        // Whoever does not answer is told among the peers.
        return { peer: name, aheadMs: null };
      }
    }),
  );
}

function knockAtHome(addresses: readonly string[]): Promise<Announced[]> {
  return Promise.all(
    addresses.map(async (address): Promise<Announced> => {
      const parts = splitAddress(address);
      const scope = isLoopback(parts?.host ?? "") ? "loopback" : "network";
      return { address, scope, answered: parts !== null && (await knock(parts.host, parts.port)) };
    }),
  );
}
