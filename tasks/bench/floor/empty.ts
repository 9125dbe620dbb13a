// Nothing: what Deno's own start costs.
