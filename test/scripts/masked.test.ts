import { describe, expect, it } from "vitest";
import { seededRandom } from "../../sim/random.ts";
import { toHex } from "../../src/core/bytes.ts";
import { writeToken } from "../../src/core/enrolment.ts";
import { clockTime, isoTime } from "../../src/core/iso-time.ts";
import { sshFingerprint, sshKeyLine } from "../../src/core/ssh/public-key.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { masked } from "./masked.ts";

const keys = createKeys();

/** What a thousand runs would print in one place. */
function inAThousandRuns(printed: (bytes: (length: number) => Uint8Array, run: number) => string): Set<string> {
  const random = seededRandom("what is masked");
  const draw = (length: number) => random.bytes(length);
  // By chance alone, letters at an end that no word of a regular expression has would come too seldom.
  const ends = [0x00, 0xfb, 0xff].map((byte) => (length: number) => new Uint8Array(length).fill(byte));
  const runs = [...ends, ...Array.from({ length: 1000 }, () => draw)];
  return new Set(runs.map((bytes, run) => masked(printed(bytes, run))));
}

describe("what alice's transcripts mask is the same in every run:", () => {
  it("a token, however its text begins and ends", () => {
    const begins = new Set<string>();
    const found = inAThousandRuns((bytes, run) => {
      const token = writeToken(keys, {
        mesh: bytes(32),
        id: bytes(16),
        secret: bytes(32),
        issuer: bytes(32),
        addresses: ["192.168.1.10:7444", "nas-1.lan:7444"].slice(0, run % 3),
        expiresMs: 1_790_000_000_000 + run,
        name: run % 2 === 0 ? null : "web-1",
        ...(run % 5 === 0 ? { psk: bytes(32) } : {}),
      });
      begins.add(token.charAt("lab1.".length));
      return `${token}\n!   lab join ${token}\n`;
    });
    expect([...found]).toEqual(["lab1.<…>\n!   lab join lab1.<…>\n"]);
    expect([...begins]).toEqual(expect.arrayContaining(["-", "_"]));
  });

  it("the line and the fingerprint of an operator's key", () => {
    const found = inAThousandRuns((bytes) => {
      const key = { key: bytes(32), application: null };
      const line = sshKeyLine({ ...key, comment: `alice@${toHex(bytes(5))}` });
      return `${line}\n! key ${sshFingerprint(keys, key)}\n!   lab operator add alice --key '${line}'\n`;
    });
    expect([...found]).toEqual(["<…> alice@<…>\n! key <…>\n!   lab operator add alice --key '<…> alice@<…>'\n"]);
  });

  it("hashes and ids, whole or as far as people are shown them", () => {
    const found = inAThousandRuns((bytes) => {
      const id = toHex(bytes(32));
      return `Mesh:     ${id}\n✓ mesh homelab (${id.slice(0, 12)})\n! remove key ${id.slice(0, 12)}: left\n_lab-${id.slice(0, 16)}.\n`;
    });
    expect([...found]).toEqual(["Mesh:     <…>\n✓ mesh homelab (<…>)\n! remove key <…>: left\n_lab-<…>.\n"]);
  });

  it("a machine's sealing key", async () => {
    const recipients = await Promise.all(Array.from({ length: 100 }, () => keys.createSealIdentity()));
    expect([...new Set(recipients.map(({ recipient }) => masked(`seal: ${recipient}\n`)))]).toEqual(["seal: <…>\n"]);
  });

  it("a time, for people and for programs", () => {
    const found = inAThousandRuns((bytes) => {
      const time = isoTime(new DataView(bytes(8).buffer).getUint32(0) * 700);
      return `until ${clockTime(time)} UTC (${time})\n`;
    });
    expect([...found]).toEqual(["until <time> UTC (<time>)\n"]);
  });
});
