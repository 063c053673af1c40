import type { SecretReference } from "../../model/scan.ts";
import type { Targeting } from "../targeting.ts";

/** One way by which a secret is granted. */
export interface Access {
  readonly label: string;
  /** The class of the label whose code names the secret; null where the label itself does. */
  readonly puppetClass: string | null;
  /** As it stands in the code: `lab::secret('mail/tls-cert')`. */
  readonly reference: string | null;
  /** Where in the code: `postfix/manifests/init.pp:12`. */
  readonly place: string | null;
}

/** Who may read a secret, and through what (`show secret`). */
export interface SecretView {
  readonly path: string;
  readonly type: "static" | "dynamic";
  readonly class: "store" | "sealed";
  readonly accessibleBy: readonly Access[];
  readonly machines: readonly { readonly name: string; readonly lastFetched: string | null }[];
}

/** Null for a path that nothing declares and nothing grants. */
export function secretView({ fleet, index, secrets }: Targeting, path: string): SecretView | null {
  const declared = fleet.secrets.get(path);
  const accessibleBy = [...fleet.labels.keys()].sort().flatMap((label) =>
    secrets
      .grants(label)
      .filter((grant) => grant.path === path)
      .map(({ puppetClass, reference }) => ({ label, puppetClass, ...told(reference) })),
  );
  if (declared === undefined && accessibleBy.length === 0) return null;
  const machines = index.servers.filter(({ standing }, at) => {
    return standing !== "pending" && secrets.of(at).some((secret) => secret.path === path);
  });
  return {
    path,
    type: declared?.type ?? "static",
    class: declared?.class ?? "store",
    accessibleBy,
    machines: machines.map(({ name }) => ({ name, lastFetched: null })),
  };
}

function told(reference: SecretReference | null): Pick<Access, "reference" | "place"> {
  if (reference === null) return { reference: null, place: null };
  return { reference: reference.text, place: `${reference.file}:${reference.line}` };
}
