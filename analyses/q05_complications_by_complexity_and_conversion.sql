-- How do complications rise with the complexity of a case, and with conversion to open surgery?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed and has_complication is not null

),

banded as (

    select
        *,
        case
            when complexity <= 4 then '1 to 4'
            when complexity <= 6 then '5 and 6'
            when complexity <= 8 then '7 and 8'
            else '9 and 10'
        end as complexity_band
    from procedures

),

final as (

    select
        complexity_band,
        is_converted,
        count(*) as discharged_cases,
        {{ share_where("has_complication") }} as complication_rate,
        {{ share_where("is_major_complication") }} as major_complication_rate,
        {{ share_where("clavien_dindo_grade = 'V'") }} as death_rate,
        {{ percentile("blood_loss_ml", 0.5) }} as p50_blood_loss_ml,
        {{ ratio("sum(stay_days)", "count(stay_days)") }} as mean_stay_days,
        {{ ratio("sum(duration_minutes)", "sum(expected_duration_minutes)") }} as duration_ratio
    from banded
    group by complexity_band, is_converted

)

select * from final
order by complexity_band, is_converted
