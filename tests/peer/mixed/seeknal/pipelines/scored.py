from seeknal.pipeline import transform

WEIGHTS = {"North": 1.0, "South": 0.5, "West": 2.0}


@transform(name="scored")
def scored(ctx):
    voice = ctx.ref("transform.voice")
    return voice.assign(score=voice["seconds"] * voice["region"].map(WEIGHTS))
