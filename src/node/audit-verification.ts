import type { AuditHead } from "../core/audit-heads.ts";
import { auditHeadsOperation, type auditVerifyOperation } from "../operations/audit-verify.ts";
import type { InputOf, OutputOf } from "../operations/operation.ts";
import type { Agent } from "./agent.ts";
import { findFlaws, headsOf, watched } from "./handlers/audit-verify.ts";
import { agentSource } from "./handlers/index.ts";
import { pullFromAll } from "./handlers/pull.ts";
import { metaOf } from "./handlers/read-source.ts";
import { heardFrom } from "./operation-calls.ts";

/** Fetches what members have, then holds everything against signatures, links, and every memory of heads there is. */
export async function verifyAudit(
  agent: Agent,
  { heads: askers }: InputOf<typeof auditVerifyOperation>,
  own: readonly AuditHead[],
): Promise<OutputOf<typeof auditVerifyOperation>> {
  const source = agentSource(agent);
  const { members } = await pullFromAll(agent, source);
  const others = [...agent.view().nodes.values()].filter(
    ({ state, key }) => state === "active" && key !== source.self.key,
  );
  const asked = await Promise.all(
    others
      .filter(({ name }) => members.some((member) => member.name === name && member.state === "asked"))
      .map(async ({ name, key }) => {
        const answer = await heardFrom(agent, key, auditHeadsOperation, {}).catch(() => null);
        return answer === null ? [] : [{ name, heads: answer.heads }];
      }),
  );
  const peers = asked.flat();
  const memories = [
    { whose: "the asking device", heads: askers },
    { whose: "this machine", heads: own },
    ...peers.map(({ name, heads }) => ({ whose: name, heads })),
  ];
  const { flaws, letGo } = await findFlaws(source, memories, agent.mayBeginBeforeMs);
  const { replica } = source;
  const chains = watched(replica.chains.values());
  return {
    meta: metaOf(source),
    entries: replica.graph.entries.length + chains.reduce((sum, { held }) => sum + held, 0),
    logs: new Set([...replica.graph.entries.map(({ log }) => log), ...chains.map(({ log }) => log)]).size,
    peers: peers.map(({ name }) => name).sort(),
    flaws: [...flaws],
    letGo: [...letGo],
    heads: headsOf(source).map((head) => ({ ...head })),
  };
}
