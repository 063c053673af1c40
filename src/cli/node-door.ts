/** The one door from the command line to the agent's code: loaded by commands that are an agent or read a home. */
export { createHome, joinMesh, openHome, startAgent } from "../node/host.ts";
