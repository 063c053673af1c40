import { SecretSockets } from "../api/secret-sockets.ts";
import type { Agent } from "../agent.ts";
import { systemAccounts } from "../platform/accounts.ts";
import { SECRETS_NOTE, writeNote } from "../platform/home.ts";
import { processOwner } from "../platform/machine.ts";
import { systemSecretDirectory } from "../platform/secret-directory.ts";
import { claimSecretPlace, prepareSecretPlace } from "../platform/secret-place.ts";
import { reloadUnit } from "../platform/systemd.ts";
import { readTemplates, watchTemplates } from "../platform/template-files.ts";
import type { DeliveryReport, RunningDelivery } from "./running-delivery.ts";
import { SecretDelivery } from "./secret-delivery.ts";

/** A service manager waits no longer for what no store gives: what is there is there, and the rest is said. */
const READY_WITHIN_MS = 15_000;

/**
 * Puts what the cache of an agent holds into a directory and opens the sockets beside it; returns when that is done.
 * The agent need not have been started. Throws `DeliveryFailed`, `AlreadyExists`.
 */
export async function startDelivery(
  agent: Agent,
  home: string,
  settings: { readonly directory: string; readonly disk: "refused" | "accepted" },
): Promise<RunningDelivery> {
  const { directory } = settings;
  const { clock, keys, log } = agent.platform;
  const ground = await prepareSecretPlace(directory, settings.disk);
  await claimSecretPlace(directory, home);
  // Whoever takes the member out of the home takes its secrets out of there.
  await writeNote(home, SECRETS_NOTE, directory).catch((error: unknown) =>
    log.write("error", "note.failed", { name: SECRETS_NOTE, error }),
  );
  const own = processOwner();
  const templates = `${home}/templates`;
  const sockets = new SecretSockets(agent, directory, own.uid, log);
  await sockets.start();
  const delivery = new SecretDelivery({
    cache: agent.cache,
    self: agent.self,
    view: () => agent.view(),
    directory: systemSecretDirectory(directory),
    accounts: systemAccounts(),
    own,
    templates: () => readTemplates(templates),
    reload: (unit) => reloadUnit(unit, own.uid === 0),
    keys,
    clock,
    log,
    placed: (files) => sockets.reconcile(files),
  });
  await delivery.start();
  const endWatch = agent.watch(({ event }) => event === "growth" && delivery.viewChanged());
  const watcher = watchTemplates(templates, () => delivery.request());
  const report = (): DeliveryReport => ({
    directory,
    ground,
    placed: delivery.files.length,
    problems: delivery.problems,
  });
  return {
    report,
    untilPlaced: async () => {
      await Promise.race([untilNoneIsMissing(agent), new Promise<void>((end) => clock.after(READY_WITHIN_MS, end))]);
      await delivery.idle();
      return describe(report());
    },
    stop: async () => {
      watcher?.close();
      endWatch();
      await delivery.stop();
      await sockets.stop();
    },
  };
}

/** Of an agent that goes on without: it says why when it is asked. */
export function unstartedDelivery(directory: string, { message }: Error): RunningDelivery {
  const report: DeliveryReport = { directory, ground: "disk", placed: 0, problems: [{ name: "all", reason: message }] };
  return { report: () => report, untilPlaced: () => Promise.resolve(describe(report)), stop: () => Promise.resolve() };
}

function untilNoneIsMissing({ cache }: Agent): Promise<void> {
  const isMissing = () => cache.list().some(({ state }) => state === "missing");
  if (!isMissing()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = cache.onChange(() => {
      if (isMissing()) return;
      end();
      resolve();
    });
  });
}

function describe({ directory, placed, problems }: DeliveryReport): string {
  const placedText = `${placed} secrets in ${directory}`;
  if (problems.length === 0) return placedText;
  const [first] = problems;
  const others = problems.length === 1 ? "" : ` and ${problems.length - 1} more`;
  return `${placedText}; not as declared: ${first?.name} (${first?.reason})${others}`;
}
