type Sample = readonly [what: string, code: string];

/** Bodies of classes that name the secret `web/tls`, once, and each in another way. */
export const NAMES_ONE: readonly Sample[] = [
  ["in single quotes", "$a = lab::secret('web/tls')"],
  ["in double quotes", '$a = lab::secret("web/tls")'],
  ["with a leading ::", "$a = ::lab::secret('web/tls')"],
  ["with blanks and a line break", "$a = lab::secret (\n  'web/tls'\n)"],
  ["with more arguments", "$a = lab::secret('web/tls', { 'cache' => false })"],
  ["with a comment inside", "$a = lab::secret( # the key\n 'web/tls' /* of the site */ )"],
  ["as a method", "$a = 'web/tls'.lab::secret"],
  ["later", "$a = Deferred('lab::secret', ['web/tls'])"],
  ["later, with new", "$a = Deferred.new('lab::secret', ['web/tls'])"],
  ["later, in what is called later", "$a = Deferred('sprintf', ['%s', Deferred(\"lab::secret\", ['web/tls'])])"],
  ["by a lookup", "$a = lookup('lab::secret::web/tls')"],
  ["by a lookup with options", "$a = lookup('lab::secret::web/tls', String, 'first', '')"],
  ["in a string", 'file { "/a": content => "key=${lab::secret(\'web/tls\')}\\n" }'],
  ["in a string in a string", '$a = "x ${inline("y ${lab::secret("web/tls")}")}"'],
  ["in a heredoc with code", "$a = @(\"END\"/L)\n  key=${lab::secret('web/tls')}\n  | END\n"],
  ["in a selector", "$a = $x ? { 'a' => lab::secret('web/tls'), default => undef }"],
  ["in a condition", "if $x {\n  unless $y {\n $a = lab::secret('web/tls') } }"],
  ["in a lambda", "$x.each |$i| { notice(lab::secret('web/tls')) }"],
  ["in a hash", "$a = { 'key' => [lab::secret('web/tls')] }"],
  ["after a regular expression", "if $x =~ /a'b\\/{/ { $a = lab::secret('web/tls') }"],
  ["after a division", "$b = $x / 2 $c = 4 / $d\n$a = lab::secret('web/tls')"],
  ["in an inline template", "$a = inline_epp('key=<%= lab::secret(\"web/tls\") %>')"],
  ["beside a heredoc", "$a = [@(A), lab::secret('web/tls'), @(B)]\none ' {\n| A\ntwo \" ${\n- B\n"],
];

/** Bodies of classes in which it only looks so. */
export const NAMES_NONE: readonly Sample[] = [
  ["a comment", "# $a = lab::secret('web/tls')"],
  ["a comment of many lines", "/* lab::secret('web/tls')\n lab::secret('web/tls') */"],
  ["a string in single quotes", '$a = \'lab::secret("web/tls") ${lab::secret("web/tls")}\''],
  ["a string with a quote in it", "$a = 'it\\'s lab::secret(\"web/tls\")'"],
  ["text in double quotes", "$a = \"lab::secret('web/tls')\""],
  ["escaped code", "$a = \"\\${lab::secret('web/tls')}\""],
  ["a heredoc without code", "$a = @(END)\n  ${lab::secret('web/tls')}\n  END\n"],
  ["escaped code in a heredoc", "$a = @(\"END\"/$)\n  \\${lab::secret('web/tls')}\n  END\n"],
  ["another function", "$a = lab::secrets('web/tls') $b = other::lab::secret('web/tls')"],
  ["another key of Hiera", "$a = lookup('web::tls')"],
  ["a variable of that name", "$a = $lab::secret"],
];
