import type { PeerKey, Standing } from "../core/ports/link.ts";

/** Who belongs to the mesh, answered by the agent from its current view. */
export interface Directory {
  standing(peer: PeerKey): Standing;
  /** The other active members, with the addresses at which they were last known to listen. */
  members(): readonly DirectoryMember[];
}

export interface DirectoryMember {
  readonly key: PeerKey;
  /** `host:port`, as in `Link`; the most promising one first. */
  readonly addresses: readonly string[];
}
