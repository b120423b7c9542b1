"""A method's cost in words. Methods declare an expression, which the tests evaluate; people read this."""

# The names in the expressions: `instances` of the request; `segments` and `windows` of an instance; `units` of a layer,
# its channels or with `layer_mask` `units` its numbers; `passes`, into which the points of a path are divided;
# `remote`, the segments between nonlinearities, `below` and `above` those before and after the layer; `linear`, the
# stages that are no nonlinearity; `words` of a text; and parameters.
BATCHES = "every `perturbations_per_eval`"
COST_IN_WORDS = {
    "0": "none",
    "instances": "1 for each instance",
    "instances * 3": "3 for each instance",
    "3 * instances": "3 for each instance",
    "passes": "1 for each pass",
    "passes if passes > 1 else 0": "none; with several passes 1 for each",
    "2 * passes": "2 for each pass",
    "4 + 2 * passes": "4, and 2 for each pass",
    "instances * (2 + passes)": "per instance: 2, and 1 for each pass",
    "instances * (3 + passes)": "per instance: 3, and 1 for each pass",
    "linear": "1 for each stage that is no nonlinearity",
    "remote - 1": "1 for each remote segment but the last",
    "below - 1": "1 for each remote segment up to the layer but the last",
    "remote + above - 2": "1 for each remote segment but the last, and again for those of them after the layer",
    "instances * remote": "per instance: 1 for each remote segment",
    "instances * above": "per instance: 1 for each remote segment after the layer",
    "instances * below": "per instance: 1 for each remote segment up to the layer",
    "instances * remote if instances > 1 else remote - 1": "per instance: 1 for each remote segment; "
    "for a single instance 1 less",
    "instances * above if instances > 1 else above - 1": "per instance: 1 for each remote segment after the layer; "
    "for a single instance 1 less",
    "instances * below if instances > 1 else below - 1": "per instance: 1 for each remote segment up to the layer; "
    "for a single instance 1 less",
    "1 + ceil(windows / perturbations_per_eval)": f"1, and 1 for {BATCHES} windows",
    "1 + ceil(segments / perturbations_per_eval)": f"1, and 1 for {BATCHES} input segments",
    "instances * (1 + ceil(segments / perturbations_per_eval))": f"per instance: 1, and 1 for {BATCHES} input segments",
    "instances * (1 + ceil(words / perturbations_per_eval))": f"per instance: 1, and 1 for {BATCHES} words",
    "instances * (3 + ceil(units / perturbations_per_eval))": f"per instance: 3, and 1 for {BATCHES} units",
    "instances * ceil(n_samples / perturbations_per_eval)": f"per instance: 1 for {BATCHES} samples",
    "instances * (1 + n_samples * ceil(segments / perturbations_per_eval))": "per instance: 1, and for each of "
    f"`n_samples` orders 1 for {BATCHES} input segments",
    "instances * (1 + factorial(segments) * ceil(segments / perturbations_per_eval))": "per instance: 1, and for "
    f"each order of the input segments 1 for {BATCHES} of them",
}
