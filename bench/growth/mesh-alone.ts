import { THIS_RELEASE } from "../../sim/releases/release.ts";
import { Agent } from "../../src/node/agent.ts";

/**
 * An agent of which only replica, exchange and mesh run, as they ship: who is there, who is connected to whom, gossip
 * and anti-entropy. Nobody looks at what that brings: no roles, alarms, secrets or reports.
 */
class MeshAlone extends Agent {
  override async start(): Promise<void> {
    await this.mesh.start();
  }

  override async stop(): Promise<void> {
    await this.mesh.stop();
  }
}

export const MESH_ALONE = { ...THIS_RELEASE, Agent: MeshAlone };
