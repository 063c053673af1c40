/** What a unit has to know of the machine that it is made for. */
export interface ServiceFacts {
  /** The absolute path of `bin/lab`. */
  readonly program: string;
  readonly home: string;
  readonly secrets: string;
  /** - `tmpfs`: with `noswap`, from Linux 6.4 on · `ramfs`: what never swaps before that */
  readonly memory: "tmpfs" | "ramfs";
  /** Whether the home's keys may have to be opened by the TPM. */
  readonly tpm: "present" | "absent";
}

/** `noswap` came with Linux 6.4. */
export function memoryFor(kernel: string): ServiceFacts["memory"] {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 4) ? "tmpfs" : "ramfs";
}

/** A mount unit has the name of its path (systemd.mount(5)). */
export function mountUnitName(secrets: string): string {
  return `${secrets.slice(1).replace(/-/g, "\\x2d").replace(/\//g, "-")}.mount`;
}

/** Memory for secrets, mounted outside of the agent: it needs no right to mount, and they outlive it. */
export function mountUnit({ secrets, memory }: ServiceFacts): string {
  const options = memory === "tmpfs" ? ",noswap,size=64m" : "";
  return `[Unit]
Description=Memory for this machine's secrets, never swapped

[Mount]
What=lab-secrets
Where=${secrets}
Type=${memory}
Options=mode=0711,nosuid,nodev,noexec${options}
DirectoryMode=0711
`;
}

/** Whoever needs secrets at its start says `After=lab-agent.service`, and `Wants=` it: a boot must not fail for one. */
export function agentUnit(facts: ServiceFacts): string {
  const { program, home, secrets, tpm } = facts;
  const isInAHome = /^\/(home|root|run\/user)\//.test(program);
  return `[Unit]
Description=lab: this machine's member of the mesh
After=network.target
RequiresMountsFor=${home} ${secrets}

[Service]
# Started once the last secret is in place, so that whatever comes after this unit finds it; a boot does not fail for one.
Type=exec
ExecStart=${program} agent --home ${home} --secrets-dir ${secrets}
ExecStartPost=-${program} agent ready --home ${home} --timeout 60s
Environment=HOME=${home} XDG_STATE_HOME=${home}
Restart=on-failure
RestartSec=2
TimeoutStartSec=90
KillMode=mixed
UMask=0077

# What it has in memory stays there.
LimitCORE=0
MemorySwapMax=0

# Root, for files that belong to others; of root's rights only the one to give them away.
CapabilityBoundingSet=CAP_CHOWN
AmbientCapabilities=
NoNewPrivileges=yes
ReadWritePaths=${home} ${secrets}
ProtectSystem=strict
ProtectHome=${isInAHome ? "read-only" : "yes"}
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
${tpm === "present" ? "BindPaths=/dev/tpmrm0\nDeviceAllow=/dev/tpmrm0 rw\n" : ""}ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=@chown
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}
