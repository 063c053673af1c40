import { describe, expect, it } from "vitest";
import { NO_CLAIMS } from "../../../src/core/alarms/claims.ts";
import type { Verdict } from "../../../src/core/ports/verdict.ts";
import type { NodeReport } from "../../../src/core/report.ts";
import type { Node } from "../../../src/core/view.ts";
import { OthersWatch } from "../../../src/node/alarms/others.ts";

type Source = Parameters<OthersWatch["look"]>[0];

const RUNNING = { label: "dns", state: "running", detail: "" } as const;

/** What nas-1 sees of web-1 and db-1, and how often it asks about one of them. */
class Sight {
  readonly verdicts = new Map<string, Verdict>();
  readonly said = new Map<string, Partial<NodeReport>>();
  revision = 0;
  observedRevision = 0;
  asked = 0;
  nodes = new Map(["nas-1", "web-1", "db-1"].map((name) => [name, machine(name)]));
  readonly watch = new OthersWatch();

  look() {
    const report = (id: string): NodeReport => ({ roles: [], alarms: NO_CLAIMS, ...this.said.get(id) }) as NodeReport;
    const source = {
      self: { id: "nas-1", key: "nas-1" },
      replica: { view: () => ({ nodes: this.nodes }), observedRevision: this.observedRevision },
      directory: { report, reports: () => new Map([...this.said.keys()].map((id) => [id, report(id)])) },
      opinion: (key: string) => ({ online: (this.verdicts.get(key) ?? "alive") === "alive" ? "yes" : "no" }),
      observation: () => ({
        revision: this.revision,
        isolated: null,
        verdict: (key: string) => {
          this.asked++;
          return this.verdicts.get(key) ?? "alive";
        },
      }),
    };
    const { troubled, ...rest } = this.watch.look(source as unknown as Source);
    return { ...rest, troubled: troubled.map(({ name }) => name) };
  }
}

function machine(name: string): Node {
  return { id: name, key: name, name, naming: "owned", state: "active", roles: new Set(["dns"]) } as unknown as Node;
}

describe("what a machine knows of the others", () => {
  it("is looked at again when somebody is away, and only then", () => {
    const nas = new Sight();
    expect(nas.look().troubled).toEqual([]);
    const { asked } = nas;
    nas.look();
    expect(nas.asked).toBe(asked);
    nas.verdicts.set("web-1", "unreachable");
    nas.revision++;
    expect(nas.look().troubled).toEqual(["web-1"]);
  });

  it("is what they say of themselves, and of a role only while they are heard of and have it", () => {
    const nas = new Sight();
    nas.said.set("web-1", { roles: [RUNNING] });
    nas.said.set("db-1", { roles: [{ ...RUNNING, state: "failing" }] });
    expect(nas.look()).toMatchObject({ running: new Set(["dns"]), troubled: ["db-1"], tellOfAlarms: false });
    nas.verdicts.set("web-1", "unreachable");
    nas.revision++;
    expect(nas.look()).toMatchObject({ running: new Set(), troubled: ["web-1", "db-1"] });
    const incidents = [{ id: "a" }] as unknown as NodeReport["alarms"]["incidents"];
    nas.said.set("db-1", { alarms: { ...NO_CLAIMS, incidents } });
    nas.observedRevision++;
    expect(nas.look()).toMatchObject({ troubled: ["web-1"], tellOfAlarms: true });
  });

  it("is other members when authority has changed", () => {
    const nas = new Sight();
    expect(nas.look().contestedNames).toEqual([]);
    nas.nodes = new Map([...nas.nodes, ["web-2", { ...machine("web-1"), id: "web-2", naming: "contested" }]]);
    expect(nas.look().contestedNames).toEqual(["web-1"]);
  });
});
