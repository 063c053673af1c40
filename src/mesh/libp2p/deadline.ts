/**
 * Runs with a signal that aborts after `timeoutMs`, and takes the time back as soon as it is over: `AbortSignal.timeout`
 * keeps signal and timer for all of it, which for a minute and a thousand requests a second is a lot of both.
 */
export async function withDeadline<T>(timeoutMs: number, run: (deadline: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`not done within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await run(over.signal);
  } finally {
    clearTimeout(timer);
  }
}
