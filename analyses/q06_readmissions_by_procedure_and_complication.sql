-- After which procedures do patients come back as emergencies within 30 days, with and without a complication?
with procedures as (

    select * from {{ ref("fact_procedures") }}
    where is_performed and has_complication is not null

),

types as (

    select * from {{ ref("procedure_types") }}

),

by_type as (

    select
        procedure_type,
        max(procedure_category) as procedure_category,
        sum(case when is_readmitted_30d is not null then 1 else 0 end) as followed_cases,
        sum(case when is_readmitted_30d then 1 else 0 end) as readmissions,
        sum(case when is_readmitted_30d is not null and has_complication then 1 else 0 end)
            as followed_with_complication,
        sum(case when is_readmitted_30d and has_complication then 1 else 0 end) as readmissions_with_complication
    from procedures
    group by procedure_type

),

final as (

    select
        by_type.procedure_type as procedure_type,
        by_type.procedure_category as procedure_category,
        cast(by_type.followed_cases as bigint) as followed_cases,
        cast(by_type.readmissions as bigint) as readmissions,
        {{ ratio("by_type.readmissions", "by_type.followed_cases") }} as readmission_rate,
        cast(types.readmission_rate as {{ type_double() }}) as published_readmission_rate,
        {{ ratio("by_type.readmissions_with_complication", "by_type.followed_with_complication") }}
            as rate_with_complication,
        {{ ratio(
            "(by_type.readmissions - by_type.readmissions_with_complication)",
            "(by_type.followed_cases - by_type.followed_with_complication)",
        ) }} as rate_without_complication
    from by_type
    left join types on by_type.procedure_type = types.procedure_type

)

select * from final
order by readmissions desc, followed_cases desc, procedure_type asc
