/** Where desired state stands in the ledgers. One place, so that writers and readers cannot disagree. */

/** What is said about servers begins with this. */
export const ABOUT_SERVERS = "server/";

/** What is said about one server begins with this. */
export function aboutServer(node: string): string {
  return `server/${node}/`;
}

export function serverLabelPath(node: string, label: string): string {
  return `server/${node}/label/${label}`;
}

export function serverAttributePath(node: string, attribute: string): string {
  return `server/${node}/attribute/${attribute}`;
}

/**
 * What files declare of a server, by its name; the server is pending until a member has that name. The path is older
 * than what else it holds now.
 */
export function declaredServerPath(name: string): string {
  return `pending/${name}`;
}

export function labelPath(label: string): string {
  return `label/${label}`;
}

export function groupPath(group: string): string {
  return `group/${group}`;
}

export function alertPath(alert: string): string {
  return `alert/${alert}`;
}

/** Which alarms are told whom, and how. */
export function alarmRoutePath(route: string): string {
  return `alarm-route/${route}`;
}

/** Somebody has seen the alarm with this id. */
export function alarmAckPath(alarm: string): string {
  return `alarm-ack/${alarm}`;
}

/** Some alarms are told nobody for a while. */
export function alarmSilencePath(silence: string): string {
  return `alarm-silence/${silence}`;
}

export function sizePath(size: string): string {
  return `size/${size}`;
}

const DECLARED_SECRETS = "secret/";
const VERSIONS = "version/";

/** The declaration of a secret: its type and class. */
export function secretPath(path: string): string {
  return DECLARED_SECRETS + path;
}

/** The current version of a secret: commitment and writer, never a value. */
export function secretVersionPath(path: string): string {
  return VERSIONS + path;
}

/** Which operators may read the value of a secret; what stands here counts from operators who may administer. */
export function secretOperatorsPath(path: string): string {
  return `operators/${path}`;
}

/** The age recipient of an operator's key; counts from a log of that key alone. */
export function operatorRecipientPath(key: string): string {
  return `recipient/${key}`;
}

/** A write here asks for a new value of a secret that a generator makes. */
export function secretRotationPath(path: string): string {
  return `rotation/${path}`;
}

/** The declaration that decides who may write the version at this path; null for any other path. */
export function declarationOfVersion(path: string): string | null {
  return path.startsWith(VERSIONS) ? secretPath(path.slice(VERSIONS.length)) : null;
}

/** The version that this declaration is about; null for any other path. */
export function versionOfDeclaration(path: string): string | null {
  return path.startsWith(DECLARED_SECRETS) ? secretVersionPath(path.slice(DECLARED_SECRETS.length)) : null;
}

/** Which secrets the code of a Puppet class names, as an operator's scan found them. */
export function scanPath(puppetClass: string): string {
  return `scan/${puppetClass}`;
}

/** Says that the recovery code exists and that nobody has written it down; removed when somebody has. */
export const RECOVERY_CODE_PATH = "mesh/recovery-code";

/** Something void that an operator has put aside, by the hash of its entry. */
export function dismissedPath(entry: string): string {
  return `dismissed/${entry}`;
}

/** A write here takes a token back that nobody has redeemed: its issuer looks before it lets anybody in. */
export function revokedTokenPath(id: string): string {
  return `revoked-token/${id}`;
}
