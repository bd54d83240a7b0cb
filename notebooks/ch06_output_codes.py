# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     notebook_metadata_filter: kernelspec,jupytext,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Chapter 6: output codes in place of one-hot
#
# *Thesis chapter 6; {cite:t}`rodriguez2018codes`.*
#
# **The question.** A classifier ends in one unit a class, as if classes had nothing in common. With a thousand
# classes that is a thousand units, of which a small batch teaches a few. Must it be so? And if classes may share
# units, which should share which?
#
# **The answer of the thesis.** Give every class a *code word* of fewer numbers, let the network predict words, and
# decode by distance inside the softmax. Random words already make learning faster. Words made of the cheapest *cuts*
# of the graph of similar classes make it better as well: related classes get related words, and a quarter of the bits
# does the work of all.

# %% tags=["parameters", "hide-input"]
profile = "smoke"  # smoke | quick | laptop | paper: the values of notebooks/params/ch06_output_codes.<profile>.yaml
seeds = None  # list of int: seeds of the live comparison. None, here and below: the profile's value
num_classes = None  # int: species of birds, 20 to 200
size = None  # int: pixels of a side
difficulty = None  # float: 0 to 1
train = None  # int: images of the training part
validation = None  # int
test = None  # int
feature_epochs = None  # int: of the network that makes the features
epochs = None  # int: of the new layers
batch_size = None  # int
lrs = None  # list of float: learning rates that each method chooses from
table_seeds = None  # list of int: seeds of Table 6.1; [] leaves it to the recorded runs
bits_seeds = None  # list of int: seeds of Fig. 6.3
shares = None  # list of float: code lengths over the number of classes
convergence_seeds = None  # list of int: seeds of Fig. 6.2 and 6.5
batch_sizes = None  # list of int
end_seeds = None  # list of int: seeds of the runs end to end
end_epochs = None  # int
end_lrs = None  # list of float: learning rates of the runs end to end
end_precision = None  # float32 | bfloat16: mixed, of the runs end to end
modern_seeds = None  # list of int: seeds of the comparison with later heads
real_seeds = None  # list of int: seeds of the runs on features of an ImageNet network
permutations = None  # int: for the null distribution of Table 6.2
device = None  # auto | cpu | cuda
threads = None  # int: CPU threads; 0 leaves the choice to torch
record = None  # folder under the repository that keeps finished runs to find them again
rows = None  # CSV file that receives every row of this run

# %% tags=["nbval-ignore-output", "hide-input"]
import torch
from IPython.display import Markdown, display

from fgr.experiments import page

config, profile = page.begin("ch06_output_codes", globals())
Markdown(page.settings(config, profile))

# %%
from fgr import output_codes
from fgr.data.synthetic.birds import taxonomy
from fgr.experiments.benchmarks import measured_on
from fgr.experiments.codes import bits, grids, tables
from fgr.experiments.codes import study as chapter
from fgr.figures import codes as draw
from fgr.figures import maps as draw_maps
from fgr.figures import samples as draw_samples
from fgr.results.claims import judge_all, verdict_table

study = chapter.Study(config, profile)
birds = taxonomy(config.num_classes)

# %% [markdown]
# ## The idea

# %% mystnb={"figure": {"caption": "Codes in place of one-hot (Fig. 6.1 of the thesis). The network ends in as many outputs as words have bits; a decoder compares them with the word of every class, and a softmax makes probabilities of the distances. Words made of cuts spell a tree: the first bit parts the classes in two, the next each half.", "name": "fig-codes-scheme"}, "image": {"alt": "A chain of boxes: image, network, three outputs, distances to words, softmax over eight classes. Below it stand the words, eight rows of three signs, with an arrow to the distances, and beside them a binary tree whose branches are named by the bits."}}
draw.scheme()

# %% [markdown]
# Let row $M_i$ of an $n \times k$ matrix be the word of class $i$. The network ends in $k$ outputs $z$, and class
# scores are negative distances to the words:
#
# ```{math}
# :label: eq-codes-decoder
# U = \frac{z}{\lVert z\rVert}, \qquad D_i = -\tfrac12 \lVert M_i - U\rVert^2, \qquad
# \hat y = \operatorname{softmax}(s D).
# ```
#
# That is all: cross-entropy and back-propagation stay as they are. Two details that the thesis leaves open decide
# whether it works. Words must have *equal length*, or $-\tfrac12\lVert M_i\rVert^2$ prefers short words whatever the
# network says. And distances between unit vectors differ by 2 at most, so without a *scale* $s$ the loss cannot fall
# far below chance:

# %%
words = output_codes.gaussian(100, 66, torch.Generator().manual_seed(0))
for scale in (1.0, output_codes.scale_for_loss(words, 0.01)):
    floor = output_codes.loss_floor(words, scale)
    print(f"s = {scale:4.1f}: loss of perfect outputs {floor:.2f} nats")

# %% [markdown]
# Every code below gets the scale at which perfect outputs cost 0.01 nats, so that none wins by its temperature.
# Tables call data-based codes *spectral*, as the library does.
#
# Which words? **One-hot**: the identity. **Random**: drawn from a normal distribution, or binary and chosen for large
# distances. **Data-based**: with $W$ the similarity of classes and $\mathcal D$ its row sums, the eigenvectors of
#
# ```{math}
# :label: eq-codes-laplacian
# L = \mathcal D^{-1/2} (\mathcal D - W) \mathcal D^{-1/2}
# ```
#
# in the order of their eigenvalues. The first is the cheapest way to cut the graph of classes in two, the next the
# cheapest cut that is independent of the first. A graph of $n$ classes has $n - 1$ of them.
#
# In your own network the last layer becomes two:
#
# ```python
# W = similarity_from_features(features, targets, num_classes=200)   # of any network
# head = nn.Sequential(nn.Linear(512, 50), CodeHead(spectral(W, length=50)))
# ```
#
# ## What we measure on
#
# CIFAR-100 and CUB-200 cannot be fetched by everyone, and of a known tree their classes come with two levels
# (CIFAR-100) or none (CUB-200). So we measure on [generated birds](../book/datasets.md): species in genera, families
# and orders, which inherit attributes, so that sisters differ in one or two small parts. The thesis retrained the last
# layers of AlexNet on features that were there already; here a small VGG is trained on the birds once, and every
# method gets new layers fc7 and fc8 on its features, the same ones for all. *Photographs come in one section only,
# CIFAR-10.*

# %% tags=["nbval-ignore-output"]
error = study.feature_error()
Markdown(
    f"The network of the features confuses {100 * error:.0f} % of the test "
    f"birds of {config.num_classes} species."
)

# %% mystnb={"figure": {"caption": "The first bits of three code matrices. Species are in the order of the tree, so that relatives lie beside each other: data-based words repeat among relatives, random ones do not.", "name": "fig-code-matrices"}, "image": {"alt": "Three matrices of classes by bits. One-hot is a diagonal, Gaussian is noise, data-based has horizontal blocks of equal colour."}}
codes = {code: study.codes(code) for code in chapter.SHOWN}
draw.code_matrices(codes)

# %% [markdown]
# ## Live: three codes on the same features
#
# Same seed, same first layer, same batches.

# %% mystnb={"figure": {"caption": "Live: test error over the epochs for one-hot, Gaussian and data-based codes, at this page's small size.", "name": "fig-codes-live"}, "image": {"alt": "Test error falling over the epochs, one line a code."}}
live = study.live()
draw.convergence(live)

# %% tags=["nbval-ignore-output"]
display(Markdown(page.origin(live)))

# %% [markdown]
# ## Faster learning, small batches (Fig. 6.2 and 6.5)
#
# Does a code learn faster than one-hot? A fair race lets every runner choose shoes: each code has its learning rate
# chosen on *validation*, for every batch size, from the same list, by a run with a seed of its own.

# %%
if config.convergence_seeds:  # at the laptop and paper profiles only
    study.convergence()

# %% mystnb={"figure": {"caption": "Recorded: test error over the epochs for three batch sizes (Fig. 6.2, 6.5); mean and range over the seeds.", "name": "fig-codes-convergence"}, "image": {"alt": "Three panels of test error over epochs for batches of 16, 64 and 256, one line a code."}}
convergence = page.recorded("ch06_output_codes", "convergence")
draw.convergence(convergence)

# %% tags=["nbval-ignore-output"]
display(Markdown(page.origin(convergence)))
choice = page.recorded("ch06_output_codes", "choice")
display(
    Markdown("**Validation error (%) by learning rate**, mean over epochs")
)
display(page.table(tables.rates_table(choice), "rates"))
display(Markdown(page.origin(choice)))

# %% [markdown]
# Look along a line of the last table before concluding anything from a race at one shared rate. A softmax layer's
# logits have no bound, and a rate that is too large for it keeps it at chance; the decoder compares directions, and
# its logits are bounded, so codes go on learning at rates at which one-hot does not learn at all. That is a reason to
# like them. It is no proof that they learn faster.

# %% [markdown]
# ## Fewer bits (Fig. 6.3)
#
# A one-hot code that loses bits loses whole classes. Random words lose little, and data-based words should lose least,
# since their first bits are the coarsest cuts.

# %%
if config.bits_seeds:
    study.bits()

# %% mystnb={"figure": {"caption": "Recorded: test accuracy over the number of bits (Fig. 6.3), means with 95% intervals over the seeds.", "name": "fig-codes-bits"}, "image": {"alt": "Accuracy over bits: one-hot rises in a straight line; random and data-based codes are high from few bits on."}}
over_bits = page.recorded("ch06_output_codes", "bits")
draw.accuracy_over_bits(over_bits)

# %% tags=["nbval-ignore-output"]
display(Markdown(page.origin(over_bits)))
display(Markdown(tables.quarter(over_bits)))

# %% [markdown]
# ## Which code, and should it be binary? (Table 6.1)
#
# Lengths are the thesis's shares of the number of classes: 66, 100 and 200 bits for 100. Its column of 200
# data-dependent bits is missing on purpose: 100 classes have 99 cuts, and the thesis does not say what the other 101
# numbers were. Printed and ours are accuracies on different images, so compare codes *within* a column.

# %%
if config.table_seeds:
    study.table_6_1()

# %% tags=["nbval-ignore-output"]
table_6_1 = page.recorded("ch06_output_codes", "t6_1")
display(Markdown("**Accuracy by code, threshold and length (Table 6.1)**"))
display(page.table(tables.accuracy_table(table_6_1), "t6.1"))
display(Markdown(page.origin(table_6_1)))
display(Markdown("**Codes in which classes share a word**"))
display(page.table(tables.words_table(table_6_1), "t6.1-words"))

# %% [markdown]
# The second table lists codes in which some classes have the very same word, so that nothing can tell them apart:
# thresholds make sisters equal, and one-hot loses a class with every bit.
#
# ## What the bits mean (Table 6.2)
#
# If the first cuts separate what looks different, they should follow attributes. The tables name, for each bit, the
# attributes of highest and lowest correlation over the species.

# %%
meaning = study.meaning()

# %% tags=["nbval-ignore-output"]
for code in ("gaussian", "spectral"):
    first = bits.table_6_2(grids.cell(config, code), config.seeds[0])
    display(Markdown(f"**Bits and attributes: {code}**, live"))
    display(page.table(first, f"t6.2-{code}"))
display(Markdown(page.origin(meaning)))

# %% [markdown]
# With so many attributes *some* correlation is always strong. So the strongest one of each bit, averaged over the
# bits, is compared with the same code given to *shuffled* classes; the p-value is the share of shufflings that reach
# as much.

# %% tags=["nbval-ignore-output"]
recorded = page.recorded("ch06_output_codes", "bits_meaning")
for word, found in (("live", meaning), ("recorded", recorded)):
    title = "**Strongest correlation with an attribute**"
    display(Markdown(f"{title}, mean of the first bits, {word}"))
    display(page.table(tables.meaning_table(found), f"t6.2-{word}"))
    display(Markdown(page.origin(found)))

# %% [markdown]
# ## The path of bits (Fig. 6.8)
#
# Read the signs of a word one after the other, as questions. On the way the set of species with the same answers
# shrinks around a pair, until one answer parts it. One-hot asks of one species after the other, so that the number of
# questions is a place in the list and tells nothing of kinship; random words ask of groups without a meaning. With
# data-based words relatives should part late and strangers soon. Pairs in the figure are those that stand in the
# middle of their kinship, by data-based words; the table is of all pairs.

# %% mystnb={"figure": {"caption": "Live: species with the same signs as the pair, after each bit; a line ends where the two part (Fig. 6.8). The same pairs in all panels. Where lines run together, the thinner lies on the thicker.", "name": "fig-codes-path"}, "image": {"alt": "Three panels, one a code, with falling lines: number of species left over the number of bits, for a pair of each kinship. One-hot falls slowly by one species a bit; with random and data-based words few are left after some bits."}}
pairs = bits.typical_pairs(codes["spectral"], birds.distances)
named = {
    f"{kinship}: {birds.names[a]} and {birds.names[b]}": (a, b)
    for kinship, (a, b) in pairs.items()
}
draw.path_of_bits(bits.paths(codes, named), config.num_classes)

# %% tags=["nbval-ignore-output"]
parting = bits.parting_table(codes, birds.distances)
display(Markdown("**Bits read until a pair parts**, mean over all pairs"))
display(page.table(parting, "parting"))
display(Markdown(bits.parting_words(parting, "spectral")))

# %% [markdown]
# ## Where the outputs lie (Fig. 6.4), and who is taken for whom (Fig. 6.6)
#
# Of the live runs with the first seed. The thesis's figure shows the layer before the outputs, on groups of CIFAR-100,
# and has dense random words where Gaussian ones stand here.

# %%
outputs, targets, predicted = study.outputs()
flat = {
    code: chapter.embed(values, targets) for code, values in outputs.items()
}

# %% mystnb={"figure": {"caption": "Live: outputs for test birds, embedded by t-SNE, a colour and mark for each family: order and family by number (Fig. 6.4). The silhouette measures how well species are separated before the embedding.", "name": "fig-codes-tsne"}, "image": {"alt": "Three scatter plots of embedded outputs, coloured and marked by bird family, with a legend of the families below."}}
draw.embeddings(
    {code: points for code, (points, _) in flat.items()},
    [birds.names[label].rsplit(".", 1)[0] for label in targets],
    {code: score for code, (_, score) in flat.items()},
)

# %% [markdown]
# Relatives are confused, strangers hardly ever. So the matrices below are of one family, the one whose members
# one-hot confuses most. First what there is to confuse:

# %% mystnb={"figure": {"caption": "A test bird of each species of that family (Fig. 6.7).", "name": "fig-codes-samples"}, "image": {"alt": "Small generated birds side by side, each with the name of its species; they differ in small parts."}}
family = chapter.confusable_family(
    predicted["one_hot"], targets, config.num_classes
)
kin = [birds.names[species] for species in family]
draw_samples.sheet(study.samples(family.tolist()), kin)

# %% mystnb={"figure": {"caption": "Live: confusions inside that family, by code (Fig. 6.6).", "name": "fig-codes-confusion"}, "image": {"alt": "Three confusion matrices of the species of one family, one a code."}}
draw_maps.confusions(
    {
        draw.code_name(code): chapter.confusion_of(
            family, predicted[code], targets
        )
        for code in chapter.SHOWN
    },
    kin,
)

# %% [markdown]
# ## End to end, and against later ideas
#
# Two questions that the thesis does not ask. Does it hold when the whole network learns with the code? There one-hot
# and data-based codes choose their rates as above, and random codes take that of the latter. And would one rather
# smooth the labels, normalise features and weights (a cosine head), learn the words, or take them from the known tree
# or attributes?

# %%
if config.end_seeds:
    study.end_to_end()
if config.modern_seeds:
    study.modern()

# %% tags=["nbval-ignore-output"]
end_choice = page.recorded("ch06_output_codes", "choice_end")
title = "**End to end: validation error (%) by learning rate**"
display(Markdown(f"{title}, mean over epochs"))
display(page.table(tables.rates_table(end_choice), "end-rates"))
display(Markdown(page.origin(end_choice)))

# %% tags=["nbval-ignore-output"]
end = page.recorded("ch06_output_codes", "end_to_end")
display(Markdown("**End to end: errors at the last epoch, birds**"))
display(page.table(tables.error_table(end, ["code"]), "end"))
display(Markdown(page.origin(end)))

# %% tags=["nbval-ignore-output"]
modern = page.recorded("ch06_output_codes", "modern")
display(Markdown("**Later ideas: errors at the last epoch, birds**"))
display(page.table(tables.error_table(modern, ["code", "head"]), "modern"))
display(Markdown(page.origin(modern)))

# %% [markdown]
# ## On photographs, and on features that never saw these images
#
# The only real photographs within reach have ten classes, CIFAR-10's, and few classes are where the thesis expects
# least. An EfficientNet-Lite0 that others trained on ImageNet reads them, as AlexNet did in the thesis, and only the
# new layers learn; beside them the birds, read by the same network. *Mean over the epochs* tells who learns faster.

# %%
if config.real_seeds:
    study.real()

# %% tags=["nbval-ignore-output"]
real = page.recorded("ch06_output_codes", "real")
display(page.table(tables.real_table(real), "real"))
display(Markdown(page.origin(real)))

# %% [markdown]
# ## From how many classes does it pay?
#
# With a thousand, ten thousand, a hundred thousand classes (features simulated, codes from the sparse tree of the
# classes), one training step and one prediction of the last layer (`benchmarks/output_codes.py`). A *chunked* layer
# compares with some thousand words at a time.

# %% tags=["nbval-ignore-output"]
measured = page.benchmark("output_codes")
display(Markdown("**Codes, in multiples of the one-hot layer**"))
display(page.table(tables.cost_table(measured), "cost"))
display(Markdown(tables.pays(measured)))
display(Markdown("**The last layer, as measured**"))
display(page.table(tables.layers_table(measured), "layers"))
display(Markdown("**Making the words**"))
display(page.table(tables.making_table(measured), "making"))
display(Markdown(measured_on(measured)))

# %% [markdown]
# Where the nearest two words have no distance, some classes share a word, and no network can tell them apart: so few
# cuts leave sisters together, and random bits beside them part them.
#
# **Are the gradients less sparse?** The thesis says so. An entry of the last layer's gradient counts as near zero if
# it is smaller than a tenth of their root mean square; of normally distributed entries 8 % are. With one-hot a batch
# teaches little but the outputs of its own classes; with a code each image teaches nearly all outputs.

# %% tags=["nbval-ignore-output"]
display(Markdown("**Share of the last layer's gradient near zero (%)**"))
display(page.table(tables.near_zero_table(measured), "near-zero"))
display(Markdown(measured_on(measured)))

# %% [markdown]
# ## What held and what did not

# %% tags=["nbval-ignore-output"]
verdicts = judge_all(page.project_root() / "results", chapter=6)
page.table(verdict_table(verdicts).drop(columns="id"), "claims")

# %% [markdown]
# Reasons, and the data of each verdict: [](../book/claims.md). The rules of judgement are in
# [](../book/protocol.md).
#
# ## Equations that needed a correction
#
# All of them are listed under [errata](../book/errata.md). The printed Eq. 6.2 divides by $\lVert z\rVert^3$; the
# derivative of $z / \lVert z\rVert$ has a square:

# %%
z = torch.randn(
    5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
)
true = torch.autograd.functional.jacobian(lambda x: x / x.norm(), z)
for word, printed in (("square", False), ("cube, as printed", True)):
    made = output_codes.unit_jacobian(z[None], printed=printed)[0]
    print(f"{word}:", torch.allclose(true, made, rtol=0, atol=1e-12))

# %% [markdown]
# And chapters 1 and 7 of the thesis say that the most confused classes get *distant* words, where section 6.3.2 says
# that similar classes get similar ones. The construction does the latter:

# %%
first_bits = codes["spectral"][:, :6]
closeness = torch.nn.functional.normalize(first_bits, dim=1)
closeness = closeness @ closeness.T
others = ~torch.eye(len(closeness), dtype=torch.bool)
for word, same in (
    ("relatives", (birds.distances <= 2) & others),
    ("strangers", birds.distances >= 4),
):
    print(word, "have alike words:", bool(closeness[same].mean() > 0))

# %% [markdown]
# ## Run it yourself
#
# * This page at another size: `make book CH=6 PROFILE=laptop`, or `fgr run ch06_output_codes --profile quick --set
#   num_classes=100`.
# * Its largest form: `fgr run ch06_output_codes --profile paper --set device=cuda`. That is generated birds too, 200
#   species of 128 pixels, with the thesis's 100 epochs, and CIFAR-10 in the section on photographs. It does not run on
#   the thesis's own data, and no parameter names another set.
# * On a GPU or a cluster: [](../book/rerun.md).
#
# For a run on CIFAR-100 or CUB-200 the [library](../book/api.md) has the pieces: a reader of each set, the thesis's
# networks {func}`fgr.models.cifar_quick` and {func}`fgr.models.alexnet` (with {func}`fgr.models.retraining_groups`,
# its learning rates), features of any layer, and the codes:
#
# ```python
# import torch
# from torch import nn
# from fgr import data, models
# from fgr.output_codes import CodeHead, similarity_from_features, spectral
#
# photos = data.load("cifar100", "train")
# batches = photos.images.float().split(500)  # as your network wants them
# read = models.extract_features(your_network, batches, "layer4")
# W = similarity_from_features(torch.cat(list(read)), photos.targets, 100)
# codes = spectral(W, length=50)
# network = nn.Sequential(models.cifar_quick(50), CodeHead(codes))
# # train `network` with cross-entropy, as you would with one-hot
# ```

# %%
words = page.finish("ch06_output_codes", config, profile, study.rows)
for name, word in words.items():
    print(f"{name}: {word}")
