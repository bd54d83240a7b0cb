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
# # Chapter 3: age and gender from glimpses
#
# *Thesis chapter 3; {cite:t}`rodriguez2017age`.*
#
# **The question.** A face in a photograph may have thousands of pixels on a side, and what tells 45 years from 55 is
# a few fine lines. A network that reads the whole photograph at full size wastes most of its work on background; one
# that reads a small copy cannot see the lines. Can a network look at the small copy, decide *where* it is worth
# looking closer, and read only there?
#
# **The answer of the thesis.** A *where* network reads the small view and spreads one unit of attention over a
# $k \times k$ grid. The $n$ cells with most weight are cut out of the large image, a *what* network reads them, their
# features are weighted by the grid, and a classifier reads both streams. With $k = 16$ and $n = 5$ that is 1.95 % of
# the large image.

# %% tags=["parameters", "hide-input"]
profile = "smoke"  # smoke | quick | laptop | paper: the values of notebooks/params/ch03_age_gender.<profile>.yaml
seeds = None  # list of int: seeds of the live comparison. None, here and below: the profile's value
dataset = None  # synthetic_faces | utkface | adience | morph2 | csv
folder = None  # of your own faces
folds = None  # int: of the live comparison; your own faces need 3 or more
train = None  # int: generated faces of the training part
validation = None  # int
test = None  # int
per_subject = None  # int: photographs of each generated person
low_size = None  # int: pixels of a side of the small view
high_size = None  # int: and of the large image
margin = None  # float: share of generated photographs cut off around faces
backbone = None  # small | vgg16: convolutions of all networks
weights = None  # file of weights of VGG-Face that vgg16 starts from
grid = None  # int: k, cells on a side of the grid
patches = None  # int: n, cells that are read
epochs = None  # int
batch_size = None  # int
lrs = None  # list of float: learning rates that each kind of network chooses from
design_seeds = None  # list of int: seeds of Table 3.5; []: recorded only
grid_seeds = None  # list of int: seeds of Fig. 3.3
grids = None  # list of int: k of Fig. 3.3
patch_counts = None  # list of int: n of Fig. 3.3
high_seeds = None  # list of int: seeds of the network that reads all of the large image
fold_seeds = None  # list of int: folds of Tables 3.6, 3.7, 3.8 and 3.10
years_seeds = None  # list of int: seeds of Table 3.9
years_epochs = None  # int
looking_seeds = None  # list of int: seeds of the measured looks
precision = None  # float32 | bfloat16: in training
device = None  # auto | cpu | cuda
threads = None  # int: CPU threads; 0 leaves the choice to torch
record = None  # folder under the repository that keeps finished runs to find them again
rows = None  # CSV file that receives every row of this run

# %% tags=["nbval-ignore-output", "hide-input"]
import torch
from IPython.display import Markdown, display

from fgr.experiments import page

config, profile = page.begin("ch03_age_gender", globals())
Markdown(page.settings(config, profile))

# %%
from fgr import glimpse, models
from fgr.experiments.benchmarks import measured_on
from fgr.experiments.glimpses import groups, tables
from fgr.experiments.glimpses import study as chapter
from fgr.figures import glimpsing as draw
from fgr.results.claims import judge_all, verdict_table

study = chapter.Study(config, profile)

# %% [markdown]
# ## The idea

# %% mystnb={"figure": {"caption": "The model (Fig. 3.1). The small view decides which cells of the large image are read; the features of these cells, weighted by the grid, are joined with those of the small view.", "name": "fig-glimpse-model"}, "image": {"alt": "Boxes and arrows: the small view goes to the where network, which gives a grid; three marked cells of the large image go to the what network; its output is weighted by the grid and joined with the where network's features before the classifier."}}
draw.mechanism()

# %% [markdown]
# Let $\mathbf G$ be the grid, non-negative and of sum one by a softmax, $\mathbf g$ its weights in a row, and
# $\mathbf P_{\text{GAP}}$ the features of the patches, one row a patch, each averaged over its patch. The thesis weighs
# them by a sum, or element by element:
#
# ```{math}
# :label: eq-glimpse-weighting
# \mathbf P^* = \mathbf g \cdot \mathbf P_{\text{GAP}} \quad\text{(3.1)}, \qquad
# \mathbf P^* = \mathbf g \circ \mathbf P_{\text{GAP}} \quad\text{(3.2)}.
# ```
#
# Some things it leaves open. What was decided here is stated in {mod}`fgr.glimpse` and tested:
#
# * *How large is $\mathbf P^*$?* By Eq. 3.2 the patches stay side by side, heaviest first; Eq. 3.1 adds them up.
# * *What of the weights of cells that are not read?* They are left out, and the others are not normalised again.
# * *What learns to choose?* Choosing the top $n$ has no gradient; the weights of the chosen cells have. What that
#   means for the others depends on how the streams are joined, see [below](#what-teaches-the-grid).
# * *How does the where network end?* Not said. Here a linear layer over its last features scores all cells: small
#   views leave hardly any places to score one by one.
# * *Where does the grid start?* The thesis starts from a network that knows faces. Small ones here start from nothing,
#   and those that start anywhere never find the face. So the grid starts as a bell around the middle, since faces
#   are cropped (the thesis assumes that too), and is free from there.
#
# In code, with any two networks, or around any network of torchvision:

# %%
net = models.glimpse_cnn(
    num_classes=8, low_size=32, high_size=128, grid=8, patches=5
)
small, large = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 128, 128)
scores, grid, chosen = net(small, large)
for name, value in (("scores", scores), ("grid", grid), ("read", chosen)):
    print(name, tuple(value.shape))
print(f"k = 16, n = 5 read {glimpse.share_read(16, 5):.2%} of the image")

# %% [markdown]
# ## The faces
#
# Adience, Images of Groups and MORPH II cannot be passed on, so the chapter is measured on
# [generated faces](../book/datasets.md), or on [a folder of your own](#your-own-faces). Generated people have an age,
# a gender and a skin tone. Children show their age by the proportions of their heads, which any size shows; adults
# by fine lines, which large sizes show, and by what few pixels show too but say less surely: hair that turns grey,
# skin that sags. People wear glasses, hats and rings, hold hands before their faces, and strangers stand behind them.
# Nobody is in two splits. *Nothing here is a result on photographs of people.*

# %% mystnb={"figure": {"caption": "One face of each of Adience's eight age groups (Fig. 3.2).", "name": "fig-glimpse-faces"}, "image": {"alt": "A row of faces from a baby to an old person, each with the name of its age group."}}
faces = study.faces()
first = chapter.one_of_each(faces)
names = [faces.classes[group] for group in faces.targets[first]]
draw.in_a_row(faces.images[first], names)

# %% [markdown]
# ## Live: the small view alone, and with glimpses
#
# Both networks start alike and see the same batches. The first reads the small view only; the second reads some cells
# of the large image besides. While the book is built there is time for small images only, which hardly show fine
# lines: what glimpses are worth is in the [recorded runs](#recorded-glimpses).

# %% tags=["nbval-ignore-output"]
live = study.live()
display(page.table(tables.live_table(live), "live"))
display(Markdown(page.origin(live)))

# %% [markdown]
# Where does it look? Each cell of the grid in the colour of its weight (Fig. 3.4):

# %% mystnb={"figure": {"caption": "Live: the grid of the network for age over test faces (Fig. 3.4); all in one scale.", "name": "fig-glimpse-grids"}, "image": {"alt": "Two rows of four grey faces with a coarse grid of coloured squares laid over each; squares over the face are brighter than those over the background."}}
age, gender = study.judged("age"), study.judged("gender")
eight = age.faces.images[:8], age.seen.grid[:8]
draw.overlays(*eight, columns=4)

# %% [markdown]
# Since the faces are drawn, one can measure what lies under the grid. *Weight* is the share of the grid's weight on a
# region, *read* the share of the pixels that were read. *Weight at the start* is that of the same network before
# training, and a *uniform grid* has the region's share of the image. What is learned is the step from the third to the
# first number.

# %% tags=["nbval-ignore-output"]
looked = study.live_details()
for task in ("age", "gender"):
    display(Markdown(f"**Network for {task}: where it looks (%)**"))
    looks = tables.looks_table(looked, task)
    display(page.table(looks, f"live-looks-{task}"))
display(Markdown("**How far its gaze moves (%)**, explained below"))
display(page.table(tables.eyes_table(looked), "live-eyes"))
display(Markdown(page.origin(looked)))

# %% [markdown]
# Which groups does it take for which? So small a network, trained this briefly, names a few groups and hardly ever the
# others, so that whole columns stay empty:

# %% mystnb={"figure": {"caption": "Live: age groups that the network with glimpses takes for each other (Table 3.7); mean over the seeds.", "name": "fig-glimpse-confusion"}, "image": {"alt": "Confusion matrix of eight age groups. The heavy cells stand in the columns of a few groups, whatever the true one is, and not along the diagonal."}}
confused_live = groups.confusion_of(looked)
draw.confusion(*confused_live)

# %% tags=["nbval-ignore-output"]
Markdown(groups.confusion_in_words(*confused_live))

# %% [markdown]
# Some that it takes wrong (Fig. 3.5), and some that glimpses set right (Fig. 3.6). Some of these are lucky guesses;
# how much is left on average is measured below.

# %% tags=["nbval-ignore-output"] mystnb={"figure": {"caption": "Live: faces whose gender the network with glimpses takes wrong (Fig. 3.5): what they are → what they were taken for.", "name": "fig-glimpse-wrong"}, "image": {"alt": "Small pictures of generated faces, each with its gender and the wrong gender that was predicted."}}
wrong = chapter.misclassified(gender)
titles = chapter.titles(gender, wrong, gender.glimpse)
draw.some(gender.faces.images[wrong], titles)

# %% tags=["nbval-ignore-output"] mystnb={"figure": {"caption": "Live: faces whose age group the small view alone takes wrong and glimpses set right (Fig. 3.6): what they are → what the small view took them for; one of each group that has one.", "name": "fig-glimpse-corrected"}, "image": {"alt": "Small pictures of generated faces, each with its age group and the one that the small view alone took it for."}}
right = chapter.corrected(age)
titles = chapter.titles(age, right, age.low)
draw.some(age.faces.images[right], titles)

# %% [markdown]
# (recorded-glimpses)=
# ## Which design (Table 3.5)
#
# Weighting, sharing of weights, and merge of both streams in every combination; a line is the mean over all
# combinations of the other choices. "No grid" still chooses cells, but their weights are all one, so that nothing
# teaches the grid: it goes on reading cells near the middle. Printed numbers are accuracies on one fold of Adience
# (its title says error rates). Below them, for the design that the thesis fixed, but for $k = 8$ where it has 16 (all
# of this table is at $k = 8$, $n = 5$): features after the second and after the third pooling, which stand for the
# thesis's pool3 and pool4 in a network of four poolings instead of five, and cells drawn by their weight in training
# instead of the heaviest.
#
# Here and below each kind of network, with glimpses that are concatenated or added, on the small view, on a view of
# equal cost, on the whole large image, has chosen its learning rate on validation, from the same few, by runs with a
# seed of their own.

# %%
run = study.design()  # trains at the laptop and paper profiles only

# %% tags=["nbval-ignore-output"]
design = page.recorded("ch03_age_gender", "design")
display(page.table(tables.design_table(design), "t3.5"))
display(Markdown(page.origin(design)))

# %% [markdown]
# ## How many cells, and of what size (Fig. 3.3)
#
# Lines are grids, points the number of cells that are read. The horizontal lines read one view of the whole face:
# the small one, and one that is just so much larger that its network computes at least as much as the one with
# glimpses. The second is the comparison that the thesis does not make: would the same work, spent on a slightly
# larger copy, do as well?

# %%
run = study.over_grids()  # trains at the laptop and paper profiles only
run = study.high()

# %% mystnb={"figure": {"caption": "Recorded: test accuracy over the number of cells read, one line a grid (Fig. 3.3), means with 95% intervals over the seeds; dashed, on the right axis, the share of the large image.", "name": "fig-glimpse-cells"}, "image": {"alt": "Accuracy over the number of patches for grids of 4, 8 and 16, with two horizontal lines for networks without glimpses and dashed lines for the share of pixels."}}
over_grids = page.recorded("ch03_age_gender", "grids")
draw.accuracy_over_cells(over_grids)

# %% tags=["nbval-ignore-output"]
whole = page.recorded("ch03_age_gender", "high")
together = page.together(over_grids, whole)
display(Markdown("**The best combination, printed and ours**"))
display(page.table(tables.best_cells(over_grids), "best"))
display(Markdown("**All of ours, the cheapest first**"))
display(page.table(tables.cost_table(together), "cost"))
display(Markdown(page.origin(together)))

# %% [markdown]
# The best combination is chosen by its accuracy on the very faces that it is shown for, which flatters it. MMAC are
# millions of multiply-accumulates of convolutions and linear layers for one face. What that means in seconds
# (`benchmarks/glimpse.py`), for these networks, and for a VGG-16 with the thesis's $k$ and $n$ on images of 896 pixels,
# four times the small view. The thesis's own large images are smaller: 600 pixels before a random crop, after which it
# does not say how many are left (the profile `paper` takes 576, cells of 36).

# %% tags=["nbval-ignore-output"]
benchmark = page.benchmark("glimpse")
for group, title in tables.GROUPS.items():
    display(Markdown(f"**{title}**"))
    lines = tables.speed_table(benchmark, group)
    display(page.table(lines, f"benchmark-{group}"))
display(Markdown(measured_on(benchmark)))

# %% [markdown]
# Time and work (multiply-accumulates) are multiples of those on the whole large image.

# %% [markdown]
# ## Five folds (Table 3.6)
#
# Five folds that share no person; a run a fold. The printed deviation of 0.03, where its neighbours have 1.8 to 2.1,
# is probably a misprint. Ours is a 95% interval over the folds.

# %%
run = study.folds("age")  # trains at the laptop and paper profiles only
run = study.folds("gender")

# %% tags=["nbval-ignore-output"]
by_age = page.recorded("ch03_age_gender", "folds_age")
by_gender = page.recorded("ch03_age_gender", "folds_gender")
display(page.table(tables.folds_beside(by_age, by_gender), "t3.6"))
display(Markdown(page.origin(page.together(by_age, by_gender))))

# %%
run = study.confusion()  # train at the laptop and paper profiles only
run = study.people()

# %% [markdown]
# ## Which groups are taken for which (Table 3.7)
#
# In print most of what is wrong lies in a neighbouring group. Our small networks, on drawn faces, name fewer groups.

# %% mystnb={"figure": {"caption": "As printed (Table 3.7): age groups of Adience that the thesis's network takes for each other.", "name": "fig-glimpse-confusion-printed"}, "image": {"alt": "Confusion matrix of eight age groups; most of the weight is on and beside the diagonal."}}
draw.confusion(*groups.printed_confusion())

# %% mystnb={"figure": {"caption": "Recorded: age groups of generated faces that networks with glimpses take for each other, mean over the folds.", "name": "fig-glimpse-confusion-recorded"}, "image": {"alt": "Confusion matrix of eight age groups. The heavy cells stand in the columns of 15-20, 25-32 and 60+, also in the rows of children, and not along the diagonal."}}
confused = page.recorded("ch03_age_gender", "confusion")
draw.confusion(*groups.confusion_of(confused))

# %% tags=["nbval-ignore-output"]
words = groups.confusion_in_words(*groups.confusion_of(confused))
display(Markdown(words))
display(Markdown(page.origin(confused)))

# %% [markdown]
# ## Another population (Table 3.8)
#
# Networks trained on one population are tested on another one: other people, another camera, other light, more hats
# and glasses, more men, older. As in the thesis, the answers of the five networks are averaged, and what they say is
# translated from Adience's age groups to those of Images of Groups. Each network alone stands beside them.

# %%
display(Markdown("**Table 3.2: what becomes of an age group**"))
display(page.table(groups.mapping(), "t3.2"))

# %%
run = study.cross()  # trains at the laptop and paper profiles only

# %% tags=["nbval-ignore-output"]
cross = page.recorded("ch03_age_gender", "cross")
display(Markdown("**Table 3.8: on another population**"))
display(page.table(tables.cross_table(cross), "t3.8"))
display(Markdown(page.origin(cross)))

# %% [markdown]
# ## Ages in years (Table 3.9)
#
# One class a year, trained by cross-entropy, read as the expected value over the years (DEX):
# $\hat y = \sum_a a\,p_a$. The error is the mean of $|y - \hat y|$ (Eq. 3.3).

# %%
run = study.years()  # trains at the laptop and paper profiles only

# %% tags=["nbval-ignore-output"]
years = page.recorded("ch03_age_gender", "years")
display(page.table(tables.years_table(years), "t3.9"))
display(Markdown(page.origin(years)))

# %% [markdown]
# ## Where it looks, measured
#
# The thesis shows grids and says that background, glasses and rings get little weight. Recorded, for all seeds:

# %%
run = study.looks()  # trains at the laptop and paper profiles only

# %% mystnb={"figure": {"caption": "Recorded: share of the grid's weight and of the cells read that lies on each region, beside the grid before training and a uniform one; means with 95% intervals over the seeds.", "name": "fig-glimpse-where"}, "image": {"alt": "Dot plot: for each region of a face four marks, the weight of the grid, what is read, the weight before training, and the share of a uniform grid."}}
looks = page.recorded("ch03_age_gender", "looks")
draw.where(looks)

# %% [markdown]
# Does the gaze move at all, or has the network learned one average face? *Cells that are the usual ones* is the share
# of the cells read that are among the $n$ read most often: 100 % for a gaze that never moves. The last column asks
# whether networks of two seeds read the same cells.

# %% tags=["nbval-ignore-output"]
agreement = page.recorded("ch03_age_gender", "agreement")
both = page.together(looks, agreement)
display(page.table(tables.eyes_table(both), "eyes"))
display(Markdown(page.origin(both)))

# %% [markdown]
# ## Whom it fails (Table 3.10)
#
# The thesis gives gender accuracy by age group, on Adience and on Images of Groups (whose groups stand in brackets, by
# Table 3.2), and finds children the hardest. Beside its numbers, recorded ones:

# %% tags=["nbval-ignore-output"]
people = page.recorded("ch03_age_gender", "people")
display(page.table(groups.by_age(people), "t3.10"))
display(Markdown(page.origin(people)))

# %% [markdown]
# And what it does not give: accuracy in percent by gender, age group and skin tone together, all folds summed. Groups
# of fewer than ten faces are left out.

# %% tags=["nbval-ignore-output"]
for task in ("age", "gender"):
    display(Markdown(f"**{task.title()} named right (%)**"))
    display(page.table(groups.fairness(people, task), f"fair-{task}"))
display(Markdown(page.origin(people)))

# %% [markdown]
# Even on drawn faces, where every tone and gender is drawn by the same rules, groups differ: contrast of lines and
# hair falls with darker skin and dim light, and rare groups are learned less. On photographs there are reasons
# beyond these.
#
# :::{admonition} Model card
# :class: note
#
# **What it is.** Small networks of this page, trained on drawn faces for an afternoon, to study where a network looks.
#
# **What it may be used for.** To learn how glimpses work, to compare methods, to test a pipeline.
#
# **What it must not be used for.** Any decision about a person: who may enter, buy, be hired, be watched. Age groups
# are often wrong, as the tables above say. "Gender" has two values here
# because the data sets have two; it is what annotators saw in a photograph, not who somebody is. A network trained
# on drawn faces says nothing about real ones; one trained on photographs of consenting people must be tested by group
# before anybody relies on it, as above.
#
# **Known failures.** Children (age and gender), neighbouring age groups, covered and turned faces, groups with few
# examples. Networks of this size, trained this briefly, hardly ever name some age groups: the dark columns of our
# confusion matrices above.
# :::
#
# ## What held and what did not

# %% tags=["nbval-ignore-output"]
verdicts = judge_all(page.project_root() / "results", chapter=3)
page.table(verdict_table(verdicts).drop(columns="id"), "claims")

# %% [markdown]
# Reasons, and the data of each verdict: [](../book/claims.md). The rules of judgement are in [](../book/protocol.md).
#
# ## Where text, numbers and arithmetic differ
#
# All places are listed under [errata](../book/errata.md); here are those that can be shown.
#
# :::{admonition} Errata
# :class: warning
#
# * "16 regions" and 2 % of the pixels: $k = 16$ makes 256 regions, of which five are 1.95 %.
# * "2.4 % margin" at $n = 5$, $k = 16$: the tables give 61.8 - 57.8 = 4.0 points.
# * Table 3.5 says error rates; they are accuracies. The text finds independent weights a little better; the table has
#   shared ones ahead, 61.55 against 61.37.
# * "7.89 % on age" is the reduction of the *gender* error; "8.75 % for age" is 9.48 % of the error or 6.92 % of the
#   accuracy.
# * The third age group ends at 13 in the text and at 12 in Tables 3.7 and 3.10.
# :::

# %%
print(f"5 of 16 x 16 cells: {5 / 16**2:.2%}")
print(f"margin: {61.8 - 57.8:.1f} points")
print(f"gender error, 7.6 to 7.0: {(7.6 - 7.0) / 7.6:.2%} less")
print(f"age error, 42.2 to 38.2: {(42.2 - 38.2) / 42.2:.2%} less")

# %% [markdown]
# (what-teaches-the-grid)=
# **What teaches the grid.** The thesis says that no gradient reaches cells outside the top $n$. If the streams are
# added, that holds for weights, but through the softmax the *scores* of all cells are moved. If both are scaled to
# length one and concatenated, as the thesis chose, a common factor of all patches is lost, and that is all that the
# other cells do to them: a cell is tried only when one that is read falls below it. With one patch nothing at all is
# learned.

# %%
torch.manual_seed(0)
view, read = torch.rand(1, 5), torch.rand(1, 3, 6)
scores = torch.randn(1, 4, 4, requires_grad=True)
grid = glimpse.attention_grid(scores)
chosen = glimpse.choose(grid, patches=3)
weighted = glimpse.weight(read, grid.flatten(1).gather(1, chosen))
joined = {"add": weighted, "concat": glimpse.concat(view, weighted)}
for merge, both in joined.items():
    loss = (both * torch.randn(both.shape)).sum()
    (slope,) = torch.autograd.grad(loss, scores, retain_graph=True)
    moved = (slope.abs() > 1e-6 * slope.abs().max()).sum().item()
    print(f"{merge}: 3 of 16 cells are read, {moved} scores are moved")

# %% [markdown]
# (your-own-faces)=
# ## Run it yourself
#
# * This page at another size: `make book CH=3 PROFILE=laptop`, or `fgr run ch03_age_gender --profile quick --set
#   grid=8`. Recorded runs that are already there are found again.
# * On your own faces, the live part of this page:
#   * UTKFace, by its file names: `fgr run ch03_age_gender --profile quick --set dataset=utkface --set
#     folder=/path/to/UTKFace --set folds=5`. It does not say who is who, so its folds may share people.
#   * Adience, by its official folds: `--set dataset=adience --set folder=/path/to/Adience --set folds=5`.
#   * Anything else, by a list `images.csv` with the columns `path`, `label`, `age`, `gender` and, so that nobody is on
#     both sides, `subject`: `--set dataset=csv --set folder=/path/to/faces --set folds=5`.
# * Around a network of your own:
#
# ```python
# from fgr.glimpse import GlimpseNet
# from fgr.models import Until, glimpse_vgg
#
# net = glimpse_vgg(num_classes=8, high_size=576)  # VGG-16, view of 224 pixels, k = 16, n = 5
# where, what = Until(network, "layer4"), Until(network, "layer2")
# net = GlimpseNet(where, what, num_classes=8, grid=16, patches=5)
# loss = cross_entropy(net(small, large).scores, targets)
# ```
#
# * The thesis's own scale, on a GPU or a cluster: [](../book/rerun.md).

# %%
words = page.finish("ch03_age_gender", config, profile, study.rows)
for name, word in words.items():
    print(f"{name}: {word}")
