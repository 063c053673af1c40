import { lookup } from "node:dns/promises";
import { LabError } from "../../core/errors.ts";
import type { Interfaces } from "../../core/ports/interfaces.ts";
import type { Link } from "../../core/ports/link.ts";
import { joinAddress, readAddress, splitAddress } from "../../mesh/libp2p/addresses.ts";
import { readNote, writeNote } from "./home.ts";
import { freePort, isFree } from "./machine.ts";

/** Where an agent listens, and where it says that it does. */

export const USUAL_PORT = 7444;
const EVERYWHERE = ["0.0.0.0", "::"] as const;
const FORMS = "host:port, or /dns4/HOST/tcp/PORT";

/**
 * The addresses to listen on: what was asked for, else every interface at the usual port, else any. "Any" is the port
 * of last time while that is free: whoever was away looks for this agent there. Throws `Usage`, `SocketInUse`.
 */
export async function chooseListen(
  home: string,
  wishes: readonly string[],
  interfaces: Interfaces,
): Promise<readonly string[]> {
  const note = Number(await readNote(home, "port"));
  const last = Number.isInteger(note) && note > 0 && note <= 65_535 ? note : null;
  if (wishes.length === 0) return everywhere(last, interfaces);
  const listen: string[] = [];
  for (const wish of wishes) {
    for (const { host, port } of await resolve(wish)) {
      // One after the other: a probe of one family is in the way of a probe of the other.
      if (port === 0) {
        listen.push(joinAddress(host, last !== null && (await isFree(host, last)) ? last : 0));
      } else if (await isFree(host, port)) {
        listen.push(joinAddress(host, port));
      } else {
        throw new LabError("SocketInUse", `another program listens on ${wish}, or it is no address of this machine`, {
          hint: "choose another: --listen ADDRESS",
        });
      }
    }
  }
  return listen;
}

/** `--announce`, in the form of the addresses that a link tells. Throws `Usage`. */
export function readAnnounce(wishes: readonly string[]): readonly string[] {
  return wishes.map((wish) => {
    const address = readAddress(wish);
    if (address !== null && splitAddress(address)?.port !== 0) return address;
    const hint = `${FORMS}: nas.example.com:7444, [2001:db8::7]:7444`;
    throw new LabError("Usage", `--announce cannot be "${wish}"`, { field: "announce", hint });
  });
}

export async function rememberPort(home: string, link: Link): Promise<void> {
  const port = splitAddress(link.addresses().at(-1) ?? "")?.port;
  // Only a convenience: a full disk does not keep an agent from starting.
  if (port !== undefined) await writeNote(home, "port", String(port)).catch(() => undefined);
}

async function everywhere(last: number | null, interfaces: Interfaces): Promise<readonly string[]> {
  const hasIpv6 = interfaces.addresses().some(({ address }) => address.includes(":"));
  const hosts = hasIpv6 ? EVERYWHERE : EVERYWHERE.slice(0, 1);
  for (const port of last === null ? [USUAL_PORT] : [USUAL_PORT, last]) {
    if (await areFree(hosts, port)) return hosts.map((host) => joinAddress(host, port));
  }
  const port = await freePort();
  return hosts.map((host) => joinAddress(host, port));
}

async function areFree(hosts: readonly string[], port: number): Promise<boolean> {
  for (const host of hosts) if (!(await isFree(host, port))) return false;
  return true;
}

/** A name stands for the addresses that it has as the agent starts. */
async function resolve(wish: string): Promise<readonly { readonly host: string; readonly port: number }[]> {
  const parts = splitAddress(readAddress(wish) ?? "");
  if (parts === null) {
    const hint = `${FORMS}: 127.0.0.1:7444, [::1]:0`;
    throw new LabError("Usage", `--listen cannot be "${wish}"`, { field: "listen", hint });
  }
  try {
    const found = await lookup(parts.host, { all: true });
    return found.map(({ address }) => ({ host: address, port: parts.port }));
  } catch (cause) {
    const hint = "an IP address of this machine needs no DNS";
    throw new LabError("Usage", `--listen: nobody knows "${parts.host}"`, { field: "listen", hint }, { cause });
  }
}
