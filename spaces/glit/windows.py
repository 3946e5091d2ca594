"""Local heads by self-attention that is restricted to windows (paper, Table 6, "Local-area").

The paper says no more than the windows' sizes. Here they are consecutive patches that do not
overlap, with the class token beside them: every patch sees its window and the class token, the
class token sees all tokens (as the global token of Beltagy et al. 2020, which the paper cites).
Otherwise a network of local heads only could not classify by its class token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor

from .blocks import GlobalHeads, by_head


class WindowAttention(GlobalHeads):
    """Self-attention in windows of ``window`` patches; tokens (batch, 1 + patches, channels)."""

    place = "last"  # global heads have the first

    def __init__(self, channels: int, heads: int, head_width: int, window: int) -> None:
        super().__init__(channels, heads, head_width)
        self.window = window

    def extra_repr(self) -> str:
        return f"heads={self.heads}, window={self.window}"

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = by_head(self.qkv(tokens), self.heads)
        classes = F.scaled_dot_product_attention(query[:, :, :1], key, value)
        seen = tokens.shape[1] - 1
        patches = F.scaled_dot_product_attention(
            # Windows of heads as so many heads: exporters know attention of four dimensions.
            self._windows(query[:, :, 1:]).flatten(1, 2),
            self._with_class_token(key).flatten(1, 2),
            self._with_class_token(value).flatten(1, 2),
            attn_mask=self._mask(seen, tokens.device),
        )
        patches = patches.unflatten(1, (self.heads, -1)).flatten(2, 3)[:, :, :seen]  # type: ignore[no-untyped-call]
        mixed = torch.cat((classes, patches), dim=2)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _windows(self, patches: Tensor) -> Tensor:
        """(batch, heads, patches, width) to (batch, heads, windows, window, width)."""
        missing = -patches.shape[2] % self.window
        if missing:
            patches = F.pad(patches, (0, 0, 0, missing))
        return patches.reshape(*patches.shape[:2], -1, self.window, patches.shape[3])

    def _with_class_token(self, tokens: Tensor) -> Tensor:
        """(batch, heads, 1 + patches, width) to (batch, heads, windows, 1 + window, width)."""
        windows = self._windows(tokens[:, :, 1:])
        classes = tokens[:, :, None, :1].expand(-1, -1, windows.shape[2], -1, -1)
        return torch.cat((classes, windows), dim=3)

    def _mask(self, patches: int, device: torch.device) -> Tensor | None:
        """(heads * windows, 1, 1 + window), False where the last window is filled up, or None."""
        if patches % self.window == 0:
            return None
        windows = -(-patches // self.window)
        there = torch.arange(windows * self.window, device=device) < patches
        seen = F.pad(there.view(windows, 1, self.window), (1, 0), value=True)
        return seen.repeat(self.heads, 1, 1)
