/** The release of this software, as agents report it. */
export const RELEASE = "0.1.0";
