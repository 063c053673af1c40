/** A part of Puppet code that is applied as a whole: what its code names, whoever applies it needs. */
export interface Unit {
  /** `template`: an EPP file, by `module/file` */
  readonly kind: "class" | "define" | "function" | "template";
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly secrets: readonly NamedSecret[];
  readonly uses: readonly Use[];
}

/** A place where the code names a secret. */
export interface NamedSecret {
  readonly path: string;
  /** The call as it stands there. */
  readonly text: string;
  readonly line: number;
}

/** Another unit that this one applies, if the tree has one of that name. */
export interface Use {
  /** `called`: a function, or a type with a body of its own */
  readonly kind: "class" | "called" | "template";
  readonly name: string;
  readonly line: number;
}

/** What could not be told. Nothing is granted for it: whoever reads it declares the secret at the label, or not. */
export interface Unresolved {
  /** What it is that cannot be told: whether it matters depends on what of that kind there is. */
  readonly about: "secret" | Use["kind"];
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

/** What one file says. */
export interface FileScan {
  readonly units: readonly Unit[];
  readonly unresolved: readonly Unresolved[];
}
