"""Which module has which of sprig's functions, so that a template loads only those that it names."""

from __future__ import annotations

from collections.abc import Mapping

MODULES: Mapping[str, tuple[str, ...]] = {
    "sprig_dates": ("ago", "duration", "durationRound", "mustDateModify", "mustToDate", "must_date_modify", "toDate", "unixEpoch", ),
    "sprig_defaults": ("all", "any", "coalesce", "deepCopy", "deepEqual", "default", "empty", "fail", "fromJson", "kindIs", "kindOf", "mustDeepCopy", "mustFromJson", "mustToJson", "mustToPrettyJson", "mustToRawJson", "ternary", "toJson", "toPrettyJson", "toRawJson", "typeIs", "typeIsLike", "typeOf", ),
    "sprig_dicts": ("dict", "dig", "get", "hasKey", "keys", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite", "omit", "pick", "pluck", "set", "unset", "values", ),
    "sprig_digests": ("adler32sum", "b32dec", "b32enc", "b64dec", "b64enc", "sha1sum", "sha256sum", "sha512sum", ),
    "sprig_lists": ("append", "chunk", "compact", "concat", "first", "has", "initial", "last", "list", "mustAppend", "mustChunk", "mustCompact", "mustFirst", "mustHas", "mustInitial", "mustLast", "mustPrepend", "mustPush", "mustRest", "mustReverse", "mustSlice", "mustUniq", "mustWithout", "prepend", "push", "rest", "reverse", "slice", "sortAlpha", "tuple", "uniq", "without", ),
    "sprig_math": ("add", "add1", "add1f", "addf", "atoi", "biggest", "ceil", "div", "divf", "float64", "floor", "int", "int64", "max", "maxf", "min", "minf", "mod", "mul", "mulf", "round", "seq", "sub", "subf", "toDecimal", "until", "untilStep", ),
    "sprig_paths": ("base", "clean", "dir", "ext", "isAbs", "osBase", "osClean", "osDir", "osExt", "osIsAbs", "urlJoin", "urlParse", ),
    "sprig_regexp": ("mustRegexFind", "mustRegexFindAll", "mustRegexMatch", "mustRegexReplaceAll", "mustRegexReplaceAllLiteral", "mustRegexSplit", "regexFind", "regexFindAll", "regexMatch", "regexQuoteMeta", "regexReplaceAll", "regexReplaceAllLiteral", "regexSplit", "semver", "semverCompare", ),
    "sprig_strings": ("cat", "contains", "hasPrefix", "hasSuffix", "hello", "indent", "join", "lower", "nindent", "plural", "quote", "repeat", "replace", "split", "splitList", "splitn", "squote", "substr", "title", "toString", "toStrings", "trim", "trimAll", "trimPrefix", "trimSuffix", "trimall", "trunc", "upper", ),
    "sprig_words": ("abbrev", "abbrevboth", "camelcase", "initials", "kebabcase", "nospace", "randInt", "shuffle", "snakecase", "swapcase", "untitle", "wrap", "wrapWith", ),
}
