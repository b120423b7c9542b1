"""Tells which modules may be accelerated: those that compute what their class says, and nothing else."""

from typing import TypeGuard, TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def is_plain(module: nn.Module, kind: type[Module]) -> TypeGuard[Module]:
    """Whether a module is of exactly this class, and has no hooks and no `forward` of its own.

    A subclass may compute something else, and so may a hook: torch.nn.utils.weight_norm's makes the weight anew for
    each pass.
    """
    return type(module) is kind and "forward" not in vars(module) and not any(vars(module)[hook] for hook in HOOKS)
