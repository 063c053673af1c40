/** Powers of ten, and with an i powers of two (IEC 80000-13). */
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};

/** From the largest, with ten before two: how a number of bytes is written. */
const WRITTEN = ["PB", "TB", "GB", "MB", "kB", "PiB", "TiB", "GiB", "MiB", "KiB"];

/** Bytes of `8GB` (8·10⁹), `8GiB` (8·2³⁰), `1.5TB`; null if it is no size or no whole number of bytes. */
export function quantityBytes(text: string): number | null {
  const [, count = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kKMGTP]?i?B)$/.exec(text) ?? [];
  const bytes = Number(count) * (UNITS[unit] ?? Number.NaN);
  return count !== "" && Number.isSafeInteger(bytes) ? bytes : null;
}

/** The text that {@link quantityBytes} reads as this many bytes: whole, in the largest unit that fits. */
export function printQuantity(bytes: number): string {
  for (const unit of WRITTEN) {
    const size = UNITS[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
