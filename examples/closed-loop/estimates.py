"""How long a step should take: tokens that are read, written and trained on, at the speed of this machine.

Reading a token takes two floating-point operations a parameter, training on it three times that. Writing is slower than
reading, as few sequences share each pass over the weights.
"""

import time
from dataclasses import dataclass

# Times as slow as reading, with some sixteen sequences in a batch.
WRITING = 3.0
TRAINING = 3.0
# Of the operations that a plain multiplication of matrices reaches, a model does about so many.
REACHED = 0.6
# Of the tokens that an answer may have, so many are written: most end before.
WRITTEN = 0.7
# Seconds that a command takes to start and to load the model.
START = 20.0
# Characters of a token, and tokens that a chat template adds.
CHARACTERS, FRAME = 4, 30


@dataclass(frozen=True)
class Speed:
    """What this machine does.

    Attributes:
        flops: Floating-point operations a second, of float32 matrices.
        parameters: Of the model.
    """

    flops: float
    parameters: int

    def read(self, tokens: float) -> float:
        """Seconds to read so many tokens."""
        return 2 * self.parameters * tokens / (REACHED * self.flops)

    def write(self, tokens: float) -> float:
        """Seconds to sample so many tokens."""
        return WRITING * self.read(tokens)

    def train(self, tokens: float) -> float:
        """Seconds to train on so many tokens."""
        return TRAINING * self.read(tokens)


def measure_speed(model: str, cuda: bool) -> Speed:
    """Measure for a second or two, and count the model's parameters without loading them."""
    import torch
    from answering import model_path
    from transformers import AutoConfig, AutoModelForCausalLM

    # Before the other: the bundled model may have to be unpacked, which needs its weights.
    config = AutoConfig.from_pretrained(model_path(model))
    with torch.device("meta"):
        parameters = AutoModelForCausalLM.from_config(config).num_parameters()
    size = 4096 if cuda else 1024
    matrix = torch.rand(size, size, device="cuda" if cuda else "cpu")
    times = []
    for _ in range(4):
        start = time.perf_counter()
        float((matrix @ matrix)[0, 0])
        times.append(time.perf_counter() - start)
    return Speed(2 * size**3 / min(times), parameters)
