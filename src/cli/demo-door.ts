/*
 * The second door from the command line: to the demo, which brings up agents and can cut their mesh. Each room behind
 * it is opened by whoever enters.
 */

export type { MachineState } from "../demo/demo.ts";
export type { Groups } from "../demo/groups.ts";
export type { Hands } from "../demo/up.ts";

export function openDemo() {
  return import("../demo/demo.ts");
}

export async function openUp() {
  const [{ demoUp }, { chooseMachines }, { tellStory }] = await Promise.all([
    import("../demo/up.ts"),
    import("../demo/machines.ts"),
    import("../demo/story.ts"),
  ]);
  return { demoUp, chooseMachines, tellStory };
}

export function openDemoAgent() {
  return import("../demo/agent.ts");
}
