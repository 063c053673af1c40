import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { readNote, writeNote } from "../node/platform/home.ts";
import { socketPath } from "../node/platform/machine.ts";

/*
 * How a command reaches a running agent of the demo: it connects to the agent's own control socket, the agent reads
 * anew how the mesh is cut, and answers when that has been done.
 */

const DONE = "done\n";
const NOTE = "demo-socket";
const TIMEOUT_MS = 5_000;

/** Calls `reread` for everybody who connects, one after the other. */
export async function serveControl(home: string, reread: () => Promise<void>): Promise<Server> {
  const path = await socketPath(home, "demo.sock");
  let turn = Promise.resolve();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    turn = turn.then(reread).then(
      () => void socket.end(DONE),
      () => void socket.destroy(),
    );
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  await writeNote(home, NOTE, path);
  return server;
}

/** False if nobody listens there, or it did not do it in time. */
export async function askToReread(home: string): Promise<boolean> {
  const path = (await readNote(home, NOTE)) ?? (await socketPath(home, "demo.sock"));
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect(path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding("ascii").on("data", (text) => (heard += text as unknown as string));
    socket.on("error", () => socket.destroy());
    socket.once("close", () => resolve(heard === DONE));
  });
}
