import { execFileSync } from "node:child_process";
import { rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

/*
 * File systems in files, for a mount namespace of one's own: what is on one can be kept as it was when the power failed.
 */

/** Where a sync costs little: it is the file system within that is tried. */
export function memory(): string {
  return process.platform === "linux" ? "/dev/shm" : tmpdir();
}

export function makeImage(image: string, bytes: number): void {
  rmSync(image, { force: true });
  execFileSync("truncate", ["--size", String(bytes), image]);
  execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
}

export function mountImage(image: string, place: string): void {
  execFileSync("mount", ["-o", "loop", image, place]);
}

export function unmount(place: string): void {
  try {
    execFileSync("umount", [place], { stdio: "ignore" });
  } catch {
    // Nothing is mounted there.
  }
}

/** How full the file system is, 0 to 1. */
export function fullnessOf(place: string): number {
  const { bavail, blocks } = statfsSync(place);
  return 1 - bavail / blocks;
}

/** Asks for `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`. Node cannot; perl can. */
const CUT = 'open(my $root, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($root, 0x8004587D, $how) or die $!';

/**
 * From this moment on the file system writes nothing more, neither what its cache holds nor its journal. What its device
 * has got by then is what a power cut leaves.
 */
export function cutPowerOf(place: string): void {
  execFileSync("perl", ["-e", CUT, place]);
}
