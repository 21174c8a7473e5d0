// GraphiQL's bundle assigns this global without declaring it, and falls back to eval, which our policy forbids.
var regeneratorRuntime;
